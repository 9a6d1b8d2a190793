"""Runs the stages in this process, in a pool of processes, or on a Dask cluster. The result is the same.

Workers take chunks from a stream, a few ahead, and return batches in the order of the chunks.
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
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

from task_generators.chat_logs.stages import process
from workspaces.errors import ConfigurationError, ConnectionFailedError, UsageError, WorkbenchError
from workspaces.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from task_generators.chat_logs.batches import Batch
    from task_generators.chat_logs.sources import Chunk
    from task_generators.chat_logs.stages import Plan

    Work = Iterable[tuple[Plan, Chunk]]
    _Process = Callable[[Plan, Chunk], Batch]
    _Submit = Callable[[_Process, Plan, Chunk], "_Pending"]

SMALL_BYTES = 16 * 1024 * 1024
"""Bytes of a source that are read in this process: starting another takes seconds of processor time each."""

DASK_TIMEOUT = "10s"

AHEAD = 3
"""Chunks submitted per worker, so that none waits for the next."""


class _Pending(Protocol):
    """A batch that a worker is going to return."""

    def result(self) -> Batch:
        """Wait for the batch."""
        ...


class Workers(Protocol):
    """Runs the stages."""

    def run(self, work: Work) -> Iterator[Batch]:
        """Yield the batch that ``process`` makes of each plan and chunk, in order."""
        ...


class LocalWorkers:
    """A pool of processes on this machine; a small source is read in this process alone.

    Args:
        processes: how many; None for one per available core.
        small: bytes of a source that are read in this process before others are started.
    """

    def __init__(self, processes: int | None = None, *, small: int = SMALL_BYTES) -> None:
        self._processes = processes or _usable_cores()
        self._small = small

    def run(self, work: Work) -> Iterator[Batch]:
        """Yield the batch that ``process`` makes of each plan and chunk, in order.

        Raises:
            WorkbenchError: a worker was killed, as when memory runs out; running again continues.
        """
        with _imports_not_collected():
            yield from self._run(work)

    def _run(self, work: Work) -> Iterator[Batch]:
        remaining = iter(work)
        size = 0
        for plan, chunk in remaining:
            yield process(plan, chunk)
            size += chunk.size
            if size >= self._small and self._processes > 1:
                break
        else:
            return
        context = multiprocessing.get_context("spawn")  # a fork would inherit locks held by Arrow's threads
        with ProcessPoolExecutor(self._processes, mp_context=context, initializer=_begin_worker) as pool:
            try:
                yield from _in_order(_uninterrupted(pool.submit), remaining, AHEAD * self._processes)
            except BrokenProcessPool:
                raise WorkbenchError(
                    "a worker process died, perhaps for lack of memory; what was added is kept: run this again"
                ) from None
            except (KeyboardInterrupt, GeneratorExit):  # nobody wants what they are working at
                for worker in multiprocessing.active_children():
                    worker.kill()
                raise
            finally:
                pool.shutdown(cancel_futures=True)


class DaskWorkers:
    """The workers of a Dask cluster; they need this package installed, and no files of ours.

    Dask's messages can run code in whoever reads them. So the scheduler is on this machine, or shows a certificate.

    Args:
        scheduler: the address of the cluster's scheduler, such as ``tcp://127.0.0.1:8786`` or ``tls://10.0.0.5:8786``.
    """

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler

    def run(self, work: Work) -> Iterator[Batch]:
        """Yield the batch that ``process`` makes of each plan and chunk, in order.

        Another worker takes over from one that dies.

        Raises:
            ConfigurationError: Dask is not installed, or nothing vouches for the scheduler.
            ConnectionFailedError: the scheduler cannot be reached, or a chunk outlived too many workers.
        """
        with _dask_client(self._scheduler) as client:
            workers = max(1, sum(client.nthreads().values()))

            def submit(function: _Process, plan: Plan, chunk: Chunk) -> _Pending:
                pending: _Pending = client.submit(function, plan, chunk, pure=False)
                return pending

            yield from _in_order(submit, work, AHEAD * workers)


def is_here(scheduler: str) -> bool:
    """Return whether an address is on this machine, by number or as ``localhost``."""
    kind, _, place = scheduler.rpartition("://")
    host = place.rpartition(":")[0].strip("[]")
    if kind not in ("", "tcp", "tls"):
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def _dask_client(scheduler: str) -> Iterator[Any]:
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker
        from distributed.security import Security
    except ModuleNotFoundError:
        raise ConfigurationError(f"Dask is not installed: {install_command('dask')}") from None
    security = Security()
    has_certificates = all((security.tls_ca_file, security.tls_client_cert, security.tls_client_key))
    if not is_here(scheduler) and not (scheduler.startswith("tls://") and has_certificates):
        raise ConfigurationError(
            f"nothing vouches for the Dask scheduler at {scheduler}, and whoever answers there could run code here: "
            "write tls://HOST:PORT and name certificates in Dask's settings (distributed.comm.tls: ca-file, "
            "client.cert, client.key), or bring it to this machine, as with 'ssh -L 8786:localhost:8786 HOST', and "
            "write tcp://127.0.0.1:8786"
        )
    try:
        client = Client(scheduler, timeout=DASK_TIMEOUT, set_as_default=False, security=security)
    except (OSError, ValueError) as error:
        raise ConnectionFailedError(f"the Dask scheduler at {scheduler} cannot be reached: {error}") from None
    try:
        yield client
    except (KilledWorker, FutureCancelledError) as error:
        raise ConnectionFailedError(f"the Dask cluster gave up a chunk: {type(error).__name__}") from None
    finally:
        client.close()


def _in_order(submit: _Submit, work: Work, ahead: int) -> Iterator[Batch]:
    pending: deque[_Pending] = deque()
    damage: UsageError | None = None
    try:
        for plan, chunk in work:
            pending.append(submit(process, plan, chunk))
            if len(pending) >= ahead:
                yield pending.popleft().result()
    except UsageError as error:  # the source is damaged from here on
        damage = error
    while pending:
        yield pending.popleft().result()
    if damage is not None:
        raise damage


def _uninterrupted(submit: Callable[..., _Pending]) -> _Submit:
    """Return a function that submits work, and starts processes for it that Ctrl-C leaves alone.

    A terminal interrupts every process of a command. They inherit that interrupts are blocked; one that comes meanwhile
    reaches this process afterwards. They end with this process (``_end_with_parent``).
    """

    def wrapped(function: _Process, plan: Plan, chunk: Chunk) -> _Pending:
        if (
            not hasattr(signal, "pthread_sigmask")
            or threading.current_thread() is not threading.main_thread()
        ):
            return submit(function, plan, chunk)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return submit(function, plan, chunk)
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
