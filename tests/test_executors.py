"""Blocks in executors of the caller's: the same bytes, errors that come through, executors that fail."""

import io
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

import likezip
from likezip.blocks import block_header
from likezip.frames import container

BLOCK = container.MIN_BLOCK
TEXT = b"".join(b"line %d of the text, which repeats itself, %d\n" % (i, i * i % 97) for i in range(3000))
OPTIONS: dict[str, Any] = {"block_size": BLOCK, "prior": "off"}


@pytest.fixture(scope="module")
def frame() -> bytes:
    """TEXT in three blocks, made without an executor."""
    return likezip.compress(TEXT, **OPTIONS)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of two worker processes of Dask's."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    )
    with cluster, distributed.Client(cluster) as connected:
        yield connected


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    elif request.param == "processes":
        yield request.getfixturevalue("processes")
    else:
        yield request.getfixturevalue("client").get_executor()


@pytest.mark.slow
def test_the_same_bytes(executor: Executor, frame: bytes) -> None:
    assert likezip.compress(TEXT, executor=executor, **OPTIONS) == frame
    assert likezip.decompress(frame, executor=executor) == TEXT


@pytest.mark.slow
def test_files(executor: Executor, frame: bytes) -> None:
    file, size = io.BytesIO(), BLOCK + 5000
    with likezip.open(file, "w", executor=executor, threads=2, **OPTIONS) as written:
        for begin in range(0, size, 50_000):
            written.write(TEXT[begin : min(begin + 50_000, size)])
    assert likezip.decompress(file.getvalue()) == TEXT[:size]
    with likezip.open(io.BytesIO(frame), executor=executor, threads=2) as read:
        read.seek(BLOCK - 5)
        assert read.read() == TEXT[BLOCK - 5 :]


@pytest.mark.slow
def test_an_error_has_its_block_and_comes_after_what_is_right(executor: Executor, frame: bytes) -> None:
    damaged, sink = bytearray(frame), io.BytesIO()
    info = likezip.get_frame_info(frame)
    damaged[info.block_offsets[1] + block_header.MAX_SIZE + 20] ^= 1
    with pytest.raises(likezip.CorruptError, match=r"^block 1: "):
        likezip.decompress_stream(io.BytesIO(damaged), sink, executor=executor)
    assert sink.getvalue() == TEXT[:BLOCK]
    assert likezip.decompress(frame, executor=executor) == TEXT  # it goes on working


@pytest.mark.slow
def test_threads_of_one_process_have_a_prior_each() -> None:
    """As they do where chunks of an array are compressed at the same time."""
    parts = [TEXT[begin : begin + 3000] for begin in range(0, 15_000, 3000)]
    alone = [likezip.compress(part, prior="on") for part in parts]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda part: likezip.compress(part, prior="on"), parts)) == alone
        assert list(pool.map(likezip.decompress, alone)) == parts


@pytest.mark.parametrize("name", sorted({name for name in likezip.__all__ if name.endswith("Error")}))
def test_errors_survive_the_way_between_processes(name: str) -> None:
    error = getattr(likezip, name)("block 7: what happened")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), "block 7: what happened")


class Refusing(Executor):
    """Takes no work."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise AssertionError("nothing should have been submitted")


def test_a_single_block_is_worked_on_here(frame: bytes) -> None:
    one = likezip.compress(TEXT[:1000], executor=Refusing(), **OPTIONS)
    assert likezip.decompress(one, executor=Refusing()) == TEXT[:1000]
    with pytest.raises(AssertionError, match="submitted"):
        likezip.decompress(frame, executor=Refusing())


class Counting(Executor):
    """Does its work at once, but counts what was submitted beyond what was asked for."""

    def __init__(self) -> None:
        self.waiting = self.most = self.submitted = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        counting = self

        class Awaited(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                counting.waiting -= 1
                return super().result(timeout)

        future = Awaited()
        future.set_result(fn(*args, **kwargs))
        self.waiting, self.submitted = self.waiting + 1, self.submitted + 1
        self.most = max(self.most, self.waiting)
        return future


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_says_how_many_blocks_are_under_way(threads: int, frame: bytes) -> None:
    counting = Counting()
    assert likezip.decompress(frame, executor=counting, threads=threads) == TEXT
    assert (counting.submitted, counting.most, counting.waiting) == (3, min(threads + 1, 3), 0)


def test_an_executor_that_was_shut_down(frame: bytes) -> None:
    for pool in (ThreadPoolExecutor(1), ProcessPoolExecutor(1, get_context("spawn"))):
        pool.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            likezip.decompress(frame, executor=pool)


@pytest.mark.slow
def test_a_dask_executor_that_was_shut_down(client: Any, frame: bytes) -> None:
    executor = client.get_executor()
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        likezip.decompress(frame, executor=executor)


@pytest.mark.slow
def test_a_killed_worker_is_an_error(frame: bytes) -> None:
    """Noticed while its result is awaited, and later when the next work is given."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:

        def kill(read: int, written: int) -> None:
            for process in list(pool._processes.values()):
                process.kill()

        with pytest.raises(likezip.WorkerError, match="died"):
            likezip.decompress_stream(io.BytesIO(frame), io.BytesIO(), executor=pool, progress=kill)
        with pytest.raises(likezip.WorkerError, match="died"):
            likezip.decompress(frame, executor=pool)
