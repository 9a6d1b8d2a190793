"""The workers of a Dask cluster (``workspaces.workers`` has those of this machine)."""

from __future__ import annotations

import time
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from workspaces.errors import ConfigurationError, ConnectionFailedError
from workspaces.extras import install_command
from workspaces.workers import AHEAD, Pending, ResultT, ResultT_co, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

DASK_TIMEOUT = "10s"

WITHOUT_WORKER = 30.0
"""Seconds that a cluster may be without any worker: one that was killed is started again within a few, if at all."""


class DaskWorkers:
    """The workers of a Dask cluster; they need this package installed, and no files of ours.

    Dask's messages can run code in whoever reads them. So the scheduler is on this machine, or shows a certificate.

    Args:
        scheduler: the address of the cluster's scheduler, such as ``tcp://127.0.0.1:8786`` or ``tls://10.0.0.5:8786``.
    """

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler

    def __enter__(self) -> Self:
        """Return these workers: what they begin ends with its work."""
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def dismiss(self) -> None:
        """Do nothing."""

    def run(
        self,
        function: Callable[..., ResultT],
        work: Iterable[tuple[Any, ...]],
        size_of: Callable[..., int] | None = None,
    ) -> Iterator[ResultT]:
        """Yield what the function returns for each piece of work, in order.

        Another worker takes over from one that dies.

        Raises:
            ConfigurationError: Dask is not installed, or nothing vouches for the scheduler.
            ConnectionFailedError: the scheduler cannot be reached, it has no worker (any more), or a piece of work
                outlived too many workers.
        """
        with _dask_client(self._scheduler) as client:
            workers = max(1, sum(client.nthreads().values()))

            def submit(call: Callable[..., ResultT], *arguments: Any) -> Pending[ResultT]:
                return _OfCluster(client, client.submit(call, *arguments, pure=False))

            yield from in_order(submit, function, work, AHEAD * workers)


class _OfCluster(Pending[ResultT_co]):
    """A result that a worker of a cluster is going to return: waiting ends where there is no worker."""

    def __init__(self, client: Any, future: Any) -> None:
        self._client, self._future = client, future

    def result(self) -> ResultT_co:
        since = time.monotonic()
        while not self._future.done():
            try:
                return self._now(WITHOUT_WORKER / 10)
            except TimeoutError:  # of the waiting or, where it is done, of the work
                if self._client.nthreads():
                    since = time.monotonic()
                elif time.monotonic() - since > WITHOUT_WORKER:
                    raise ConnectionFailedError(
                        f"the Dask cluster at {self._client.scheduler.address} has no worker, so nobody does the work: "
                        "start some with 'dask worker ADDRESS', and run this again"
                    ) from None
        return self._now()

    def _now(self, timeout: float | None = None) -> ResultT_co:
        found: ResultT_co = self._future.result(timeout=timeout)
        return found


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
        raise ConnectionFailedError(
            f"the Dask cluster gave up a piece of work: {type(error).__name__}"
        ) from None
    finally:
        client.close()
