"""One object used by several threads: each call ends before the next begins."""

import io
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import pytest

import likezip
from likezip.frames import container
from likezip.likelihood import density

BLOCK = container.MIN_BLOCK
THREADS = 3


@pytest.fixture(autouse=True)
def _threads_change_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """What ``work`` returns in each of THREADS threads, which begin together; raises what any of them raises."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(begin, range(THREADS)))


def message(thread: int, number: int) -> bytes:
    return b"thread %d message %d " % (thread, number) * 300 + b"\n"


MESSAGES = sorted(message(thread, number) for thread in range(THREADS) for number in range(8))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_writing_a_file(workers: int) -> None:
    sink = io.BytesIO()
    with likezip.open(sink, "wb", block_size=BLOCK, prior="off", threads=workers) as file:

        def write(thread: int) -> None:
            for number in range(8):
                assert file.write(message(thread, number)) == len(message(thread, number))

        at_once(write)
        assert file.tell() == sum(map(len, MESSAGES))
    content = likezip.decompress(sink.getvalue())
    assert sorted(content.splitlines(keepends=True)) == MESSAGES


def test_flushing_and_closing_while_others_write() -> None:
    sink = io.BytesIO()
    file = likezip.open(sink, "wb", block_size=BLOCK, prior="off")
    taken: list[bytes] = []

    def use(thread: int) -> None:
        try:
            for number in range(20):
                file.write(message(thread, number))
                taken.append(message(thread, number))
                file.flush()
                if (thread, number) == (1, 5):
                    file.close()
        except ValueError as error:
            assert "closed" in str(error)

    at_once(use)
    assert sorted(likezip.decompress(sink.getvalue()).splitlines(keepends=True)) == sorted(taken)


@pytest.mark.slow
def test_reading_a_file() -> None:
    content = b"".join(MESSAGES)
    frame = likezip.compress(content, block_size=BLOCK, prior="off")
    with likezip.open(io.BytesIO(frame)) as file:
        lines = at_once(lambda thread: list(file))
        assert sorted(chain.from_iterable(lines)) == MESSAGES
        file.seek(0)
        at_once(lambda thread: [file.seek(100 * number) and file.read(7) for number in range(500)])
        file.seek(0)
        assert file.read() == content


@pytest.mark.slow
def test_a_compressor() -> None:
    compressor, parts, order = likezip.LikezipCompressor(block_size=BLOCK, prior="off"), [], threading.Lock()

    def compress(thread: int) -> None:
        for number in range(8):
            with order:  # what comes out has to be put together in the order in which it came
                parts.append(compressor.compress(message(thread, number)))

    at_once(compress)
    frame = b"".join([*parts, compressor.flush()])
    assert sorted(likezip.decompress(frame).splitlines(keepends=True)) == MESSAGES


@pytest.mark.slow
def test_only_one_call_of_a_compressor_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a lock, blocks that two threads put are lost or doubled, as the buffer is shared."""
    compressor, inside, most = likezip.LikezipCompressor(block_size=BLOCK, prior="off"), [0], [0]
    put = compressor._writer.write_block  # type: ignore[union-attr]

    def counting(raw: bytes) -> Iterator[bytes]:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.01)
        yield from put(raw)
        inside[0] -= 1

    monkeypatch.setattr(compressor._writer, "write_block", counting)
    at_once(lambda thread: compressor.compress(bytes(2 * BLOCK)))
    compressor.flush()
    assert most == [1]


@pytest.mark.slow
def test_a_decompressor() -> None:
    content = b"".join(MESSAGES) * 2
    assert len(content) > THREADS * 40 * 1000 + BLOCK
    decompressor = likezip.LikezipDecompressor()
    decompressor.decompress(likezip.compress(content, block_size=BLOCK, prior="off"), 0)

    def take(thread: int) -> list[bytes]:
        return [decompressor.decompress(b"", 1000) for _ in range(40)]

    together = b"".join(piece for pieces in at_once(take) for piece in pieces)
    assert len(together) == THREADS * 40 * 1000
    assert Counter(together + decompressor.decompress(b"")) == Counter(content)
    assert decompressor.eof


@pytest.mark.slow
def test_a_context_is_learnt_once_by_threads_that_ask_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data, contexts = b"job 7 done in 3 s\n" * 20, [b"job %d done\n" % number * 50 for number in range(3)]
    alone = [likezip.byte_costs(data, context=context, prior="off") for context in contexts]
    density._learnt_contexts.clear()
    learn, learnt = density._learn, []

    def counting(context: bytes, *rest: Any) -> Any:
        learnt.append(context)
        return learn(context, *rest)

    monkeypatch.setattr(density, "_learn", counting)
    found = at_once(lambda thread: likezip.byte_costs(data, context=contexts[0], prior="off"))
    assert learnt == [contexts[0]]
    assert all(np.array_equal(costs, alone[0]) for costs in found)
    several = at_once(
        lambda thread: [likezip.byte_costs(data, context=contexts[(thread + i) % 3], prior="off") for i in range(9)]
    )
    for thread, costs in enumerate(several):
        assert all(np.array_equal(one, alone[(thread + i) % 3]) for i, one in enumerate(costs))
    assert len(density._learnt_contexts) <= density.MOST_CONTEXTS


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["on", "off"])
def test_functions_in_threads(prior: Any) -> None:
    data = [b"what thread %d says, " % thread * 400 for thread in range(THREADS)]
    frames = at_once(lambda thread: likezip.compress(data[thread], prior=prior))
    assert frames == [likezip.compress(one, prior=prior) for one in data]
    assert at_once(lambda thread: likezip.decompress(frames[thread])) == data
