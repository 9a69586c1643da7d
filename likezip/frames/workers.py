"""Blocks worked on at the same time, their results in order.

A single block is worked on in this process, by threads that share it.  Several blocks go to worker processes, or to an
executor of the caller's: of ``concurrent.futures``, or anything with its ``submit``, on as many machines as it has.
Only then what processes need is imported, which takes longer than to compress a kilobyte.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from likezip.blocks.options import Advance
from likezip.errors import LikezipError, WorkerError
from likezip.frames.signals import SIGNALS

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future, ProcessPoolExecutor
    from uuid import UUID

Result_co = TypeVar("Result_co", covariant=True)
Result = TypeVar("Result")

POLL_SECONDS = 0.2
"""Seconds between two looks at the progress of the workers."""


class BlockWork(Protocol[Result_co]):
    """Works on a block in up to ``threads`` threads; importable by name, to be sent to processes."""

    def __call__(self, threads: int, advance: Advance | None, *block: Any) -> Result_co: ...


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """The workers of blocks: ``threads`` processes of our own, started when first needed, or ``executor``.

    threads: None for 1, or with an executor, as many blocks at a time as there are cores here.
    Leaving the context ends our processes, at once if by an exception; an executor of the caller's goes on.
    """

    def __init__(self, threads: int | None = None, executor: Executor | None = None) -> None:
        """Raises ValueError for fewer than one thread."""
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        self.threads = threads or (available_cores() if executor is not None else 1)
        self._own: ProcessPoolExecutor | None = None
        self._executor = executor
        self._shared: Any = None

    @property
    def elsewhere(self) -> bool:
        """Whether blocks leave this process as soon as there are two."""
        return self.threads > 1 or self._executor is not None

    def submit(self, work: BlockWork[Result], block: tuple[Any, ...]) -> Future[Result]:
        """Have a worker work on a block, in one thread."""
        from uuid import uuid4

        with self.deaths_reported():
            if self._executor is not None:
                return self._executor.submit(_in_executor, uuid4(), work, *block)
            pool = self._processes()  # starts Python's tracker of semaphores, which would let Ctrl-C through again
            with _interrupts_held():
                return pool.submit(_in_worker, work, *block)

    def _processes(self) -> ProcessPoolExecutor:
        if self._own is None:
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor

            spawn = multiprocessing.get_context("spawn")
            self._shared = spawn.Array("Q", 2)
            self._own = ProcessPoolExecutor(self.threads, spawn, _prepare_worker, (self._shared,))
        return self._own

    def coded(self) -> int:
        """Raw bytes that our processes have coded so far, also of unfinished blocks; 0 with another executor.

        Read without the lock, which a worker that is killed may keep.
        """
        return int(self._shared.get_obj()[CODED]) if self._shared is not None else 0

    @contextmanager
    def deaths_reported(self) -> Iterator[None]:
        """Turn the error of a pool that has lost a worker into WorkerError; a pool notices it when it is next used."""
        from concurrent.futures import BrokenExecutor

        try:
            yield
        except BrokenExecutor as error:
            if self._shared is not None and not self._shared.get_obj()[BEGUN]:
                hint = 'was it killed? A script that uses workers has to do so under if __name__ == "__main__":'
                raise WorkerError(f"a worker process died before it could begin ({hint})") from error
            raise WorkerError("a worker process died (was it killed, or out of memory?)") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(at_once=kind is not None)

    def _living_and_dead(self) -> list[Any]:
        return list((self._own._processes or {}).values()) if self._own is not None else []

    def has_dead(self) -> bool:
        """Whether a process of ours has ended by itself."""
        return any(process.exitcode is not None for process in self._living_and_dead())

    def close(self, *, at_once: bool = False) -> None:
        """End our processes, ``at_once`` without waiting for their work."""
        if self._own is None:
            return
        if at_once:
            for process in self._living_and_dead():
                process.terminate()
            with suppress(AttributeError, OSError):  # one that ends while it sends leaves the pool reading
                self._own._result_queue._writer.close()  # type: ignore[attr-defined]
        self._own.shutdown(wait=True, cancel_futures=True)
        self._own = None


class Queue(Generic[Result]):
    """Does ``work`` on blocks; results come in order.  ``give`` submits a block and returns results that are ready,
    ``rest`` waits for all others.

    At most ``threads`` + 1 blocks are at work.  ``advance`` is called with the number of bytes coded meanwhile, if they
    are coded in this process or in ours.
    """

    def __init__(
        self,
        workers: Workers,
        work: BlockWork[Result],
        advance: Advance | None = None,
        *,
        here: BlockWork[Result] | None = None,
    ) -> None:
        """here: works on blocks in this process, None for ``work``; its results are used before it is given another
        block."""
        self._workers, self._work, self._advance, self._work_here = workers, work, advance, here or work
        self._held: tuple[Any, ...] | None = None
        self._waiting: deque[Future[Result]] = deque()
        self._reported = workers.coded()

    def give(self, *block: Any) -> list[Result]:
        """Begin to work on a block; returns finished results of blocks that are next in order."""
        if not self._workers.elsewhere:
            return [self._here(block)]
        if self._held is None and not self._waiting:
            self._held = block  # not before there is a second one
            return []
        if self._held is not None:
            self._waiting.append(self._workers.submit(self._work, self._held))
            self._held = None
        self._waiting.append(self._workers.submit(self._work, block))
        return [self._next()] if len(self._waiting) > self._workers.threads else []

    def rest(self) -> Iterator[Result]:
        """The results of all blocks that are still at work."""
        if self._held is not None:
            held, self._held = self._held, None
            yield self._here(held)
        while self._waiting:
            yield self._next()

    def map(self, blocks: Iterable[tuple[Any, ...]]) -> Generator[Result, None, None]:
        """The results for ``blocks``; if the iterable raises LikezipError, it is raised after the results before it.

        Blocks at work are given up if the iterator is closed before its end.
        """
        failure = None
        iterator = iter(blocks)
        try:
            while failure is None:
                try:
                    block = next(iterator)
                except StopIteration:
                    break
                except LikezipError as error:
                    failure = error
                else:
                    yield from self.give(*block)
            yield from self.rest()
        finally:
            self.give_up()
        if failure is not None:
            raise failure

    def give_up(self) -> None:
        """Give up all blocks at work."""
        while self._waiting:
            self._waiting.pop().cancel()
        self._held = None

    def _here(self, block: tuple[Any, ...]) -> Result:
        return self._work_here(self._workers.threads, self._advance, *block)

    def _next(self) -> Result:
        from concurrent.futures import BrokenExecutor, wait

        future = self._waiting.popleft()
        dead = False
        with self._workers.deaths_reported():
            while not wait([future], POLL_SECONDS).done:
                if dead:  # for POLL_SECONDS: the worker died while it sent a result, which the pool waits for
                    raise BrokenExecutor
                dead = self._workers.has_dead()
                self._report_progress()
            return future.result()

    def _report_progress(self) -> None:
        """Call ``advance`` with the bytes that the workers have coded since the last call."""
        if self._advance is not None:
            coded = self._workers.coded()
            self._advance(coded - self._reported)
            self._reported = coded


def _in_executor(call: UUID, work: BlockWork[Result], *block: Any) -> Result:
    """Work on a block in an executor of the caller's.

    call: another one each time, for executors that take calls with equal arguments for one call, as Dask's do: to give
    up one would give up the other.
    """
    return work(1, None, *block)


# All below runs in our own worker processes.

_shared: Any = None
"""Numbers shared with the parent process: the bytes that all workers have coded, and the number of workers begun."""
CODED, BEGUN = 0, 1
_unreported = 0
"""Bytes that this worker has coded and not yet reported."""
REPORTED_BYTES = 1 << 14
"""Bytes that are reported together, as it takes a lock."""


def _prepare_worker(shared: Any) -> None:
    """Prepare a worker process: Ctrl-C, which reaches every process of a terminal, is left to the parent; and if the
    parent is killed, the worker ends too."""
    global _shared
    _shared = shared
    with shared.get_lock():
        shared[BEGUN] += 1
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _end_with_parent() -> None:
    import multiprocessing.connection

    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _in_worker(work: BlockWork[Result], *block: Any) -> Result:
    return work(1, _report, *block)


def _report(size: int) -> None:
    global _unreported
    _unreported += size
    if _unreported >= REPORTED_BYTES:
        with _shared.get_lock():
            _shared[CODED] += _unreported
        _unreported = 0


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold signals back while a process starts: SIGINT from the new process until it is prepared, all signals from this
    one, as an interrupted start would leave a process that nobody ends."""
    masked = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if masked else set()
    try:
        with _handlers_held() if threading.current_thread() is threading.main_thread() else nullcontext():
            yield
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handlers_held() -> Iterator[None]:
    """Handle signals that come during the body at its end."""
    signals: list[int] = []
    handlers = {number: signal.getsignal(number) for number in SIGNALS if callable(signal.getsignal(number))}
    for number in handlers:
        signal.signal(number, lambda number, frame: signals.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in signals:
            signal.raise_signal(number)
