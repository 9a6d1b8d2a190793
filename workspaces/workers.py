"""Runs a function on a stream of work in this process or in a pool of processes; ``dask_workers`` has a cluster.

Workers take work from the stream, a few pieces ahead, and return results in its order: the same wherever it is done.
What is done twice, because a worker was killed, must come to the same.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from workspaces import garbage
from workspaces.errors import UsageError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import Self

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

SMALL_BYTES = 16 * 1024 * 1024
"""Bytes that are worked at in this process: starting another takes seconds of processor time each."""

AHEAD = 3
"""Pieces of work submitted per worker, so that none waits for the next."""

DEATHS = 5
"""Workers of a pool that may be killed before ``results_of`` gives up."""


class WorkerDiedError(WorkbenchError):
    """A worker of a pool was killed, as when memory runs out."""


class Pending(Protocol[ResultT_co]):
    """A result that a worker is going to return."""

    def result(self) -> ResultT_co:
        """Wait for the result."""
        ...


class Workers(Protocol):
    """Runs a function on work; as a context manager, for several functions in turn."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

    def run(
        self,
        function: Callable[..., ResultT],
        work: Iterable[tuple[Any, ...]],
        size_of: Callable[..., int] | None = None,
    ) -> Iterator[ResultT]:
        """Yield what the function returns for each piece of work, its arguments, in order.

        Args:
            function: of a module, so that other processes find it.
            work: the pieces.
            size_of: returns the bytes of a piece of work, by which it is told whether other processes are worth it;
                None: they are.
        """
        ...

    def dismiss(self) -> None:
        """Let processes end: there is hardly any more work. Whatever there is starts others."""
        ...


def results_of(
    workers: Workers,
    function: Callable[..., ResultT],
    work: Sequence[tuple[Any, ...]],
    meanwhile: Callable[[], object] | None = None,
) -> list[ResultT]:
    """Return what a function returns for each piece of work; what a killed worker had begun is done again.

    ``meanwhile`` is called while other processes of this machine work; with none, before the work.

    Raises:
        WorkerDiedError: more than ``DEATHS`` workers died.
    """
    begun: Iterator[ResultT] | None = None
    if meanwhile is not None:
        with suppress(WorkerDiedError):  # one that was idle: the work begins below
            begun = workers.begin(function, work) if isinstance(workers, LocalWorkers) else None
        meanwhile()
    results: list[ResultT] = []
    for death in range(DEATHS + 1):
        try:
            results.extend(workers.run(function, work[len(results) :]) if begun is None or death else begun)
            break
        except WorkerDiedError:
            if death == DEATHS:
                raise
    return results


class LocalWorkers:
    """A pool of processes on this machine; a small amount of work is done in this process alone.

    The pool ends with its work or, of a context manager, with the context: starting it takes seconds.

    Args:
        processes: how many; None for one per available core.
        small: bytes that are worked at in this process before others are started.
    """

    def __init__(self, processes: int | None = None, *, small: int = SMALL_BYTES) -> None:
        self._processes = processes or _usable_cores()
        self._small = small
        self._pool: ProcessPoolExecutor | None = None
        self._leaving: list[threading.Thread] = []
        self._stay = False

    @property
    def alone(self) -> bool:
        """Whether this process does all of the work."""
        return self._processes == 1

    def __enter__(self) -> Self:
        """Keep the processes, once there are some."""
        self._stay = True
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes; after an error at once, with what they are working at."""
        self._stay = False
        self._end(at_once=error[:1] != (None,))
        for thread in self._leaving:
            thread.join()

    def dismiss(self) -> None:
        """End the processes, and do not wait for it."""
        pool, self._pool = self._pool, None
        if pool is not None:
            self._leaving.append(threading.Thread(target=pool.shutdown))
            self._leaving[-1].start()

    def run(
        self,
        function: Callable[..., ResultT],
        work: Iterable[tuple[Any, ...]],
        size_of: Callable[..., int] | None = None,
    ) -> Iterator[ResultT]:
        """Yield what the function returns for each piece of work, in order.

        Raises:
            WorkerDiedError: a worker was killed, as when memory runs out; running again continues.
        """
        with _imports_not_collected():
            yield from self._run(function, work, size_of)

    def _run(
        self,
        function: Callable[..., ResultT],
        work: Iterable[tuple[Any, ...]],
        size_of: Callable[..., int] | None,
    ) -> Iterator[ResultT]:
        remaining = iter(work)
        size = 0
        if self._processes == 1 or size_of is not None:
            for arguments in remaining:
                yield function(*arguments)
                size += 0 if size_of is None else size_of(*arguments)
                if size >= self._small and self._processes > 1:
                    break
            else:
                return
        with self._ending():
            results: Iterator[ResultT] = in_order(
                self._submit(), function, remaining, AHEAD * self._processes
            )
            yield from results

    def begin(self, function: Callable[..., ResultT], work: Iterable[tuple[Any, ...]]) -> Iterator[ResultT]:
        """Begin all of some work at once; return an iterator over its results, which waits for them.

        One process alone begins when the first result is asked for. Within a context: the processes stay.

        Raises:
            WorkerDiedError: a worker was killed before.
        """
        if self._processes == 1:
            return self.run(function, work)
        with self._ending():
            submit = self._submit()
            return self._waited_for([submit(function, *arguments) for arguments in work])

    def prepare(self, function: Callable[[], object]) -> None:
        """Start the processes, if there are to be several, and have each call a function, which nobody waits for."""
        if self._processes > 1:
            with suppress(WorkerDiedError), self._ending():  # whoever gives them work is told
                submit = self._submit()
                for _ in range(self._processes):
                    submit(function)

    def _waited_for(self, pending: Iterable[Pending[ResultT]]) -> Iterator[ResultT]:
        with self._ending():
            for each in pending:
                yield each.result()

    def _submit(self) -> Callable[..., Pending[Any]]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._processes, mp_context=_SPAWN, initializer=_begin_worker)
        return _uninterrupted(self._pool.submit)

    @contextmanager
    def _ending(self) -> Generator[None]:
        """End the processes after the block, or keep them for the next, unless they died or nobody wants results."""
        try:
            yield
        except BrokenProcessPool:
            self._end()
            raise WorkerDiedError(
                "a worker process died, perhaps for lack of memory; what was added is kept: run this again"
            ) from None
        except (KeyboardInterrupt, GeneratorExit):  # nobody wants what they are working at
            self._end(at_once=True)
            raise
        finally:
            if not self._stay:
                self._end()

    def _end(self, *, at_once: bool = False) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if at_once:
            for worker in [*(pool._processes or {}).values()]:  # None: the pool broke, and has ended them
                worker.kill()
        pool.shutdown(cancel_futures=True)


_SPAWN = multiprocessing.get_context("spawn")  # a fork would inherit locks held by Arrow's threads


def in_order(
    submit: Callable[..., Pending[ResultT]],
    function: Callable[..., ResultT],
    work: Iterable[tuple[Any, ...]],
    ahead: int,
) -> Iterator[ResultT]:
    """Yield what a function returns for each piece of work, in order; ``ahead`` pieces are submitted at once.

    Raises:
        UsageError: of the work itself, once what came before it is done.
    """
    pending: deque[Pending[ResultT]] = deque()
    damage: UsageError | None = None
    try:
        for arguments in work:
            pending.append(submit(function, *arguments))
            if len(pending) >= ahead:
                yield pending.popleft().result()
    except UsageError as error:  # the source is damaged from here on
        damage = error
    while pending:
        yield pending.popleft().result()
    if damage is not None:
        raise damage


def _uninterrupted(submit: Callable[..., Pending[ResultT]]) -> Callable[..., Pending[ResultT]]:
    """Return a function that submits work, and starts processes for it that Ctrl-C leaves alone.

    A terminal interrupts every process of a command. They inherit that interrupts are blocked; one that comes meanwhile
    reaches this process afterwards, as does SIGTERM, which they let through (``_begin_worker``). They end with this
    process (``_end_with_parent``).
    """

    def wrapped(function: Callable[..., ResultT], *arguments: Any) -> Pending[ResultT]:
        if (
            not hasattr(signal, "pthread_sigmask")
            or threading.current_thread() is not threading.main_thread()
        ):
            return submit(function, *arguments)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            return submit(function, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return wrapped


def _usable_cores() -> int:
    """Return the cores that this process may use; all of the machine where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _imports_not_collected() -> Iterator[None]:
    """Keep the garbage collector from what is there already, a million objects of modules.

    Rows are so many objects that it would look through all of that once every few thousand, a tenth of the time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _begin_worker() -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    garbage.look_seldom()  # what work needs is still to be imported
    gc.freeze()  # as _imports_not_collected
    _end_with_parent()


def _end_with_parent() -> None:
    """End this worker when its parent process is gone: a killed parent cannot stop its workers."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
