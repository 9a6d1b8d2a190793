"""Argilla's command line with the engine registered: `python -m argilla_sql_search start --port 6900`.

API processes that uvicorn spawns (`WEB_CONCURRENCY`) do not run this file again, so they load an application that
registers the engine itself. RQ forks its workers, which inherit the registration of this process.
"""

from __future__ import annotations

import multiprocessing
import os
from functools import wraps
from typing import TYPE_CHECKING

from argilla_sql_search.registration import NAME, register

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run Argilla's command line with the arguments of this process."""
    os.environ.setdefault("ARGILLA_SEARCH_ENGINE", NAME)
    register()
    import uvicorn
    from argilla_server.cli import app

    uvicorn.run = _with_engine(uvicorn.run)
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
    app()


def _with_engine(run: Callable[..., None]) -> Callable[..., None]:
    @wraps(run)
    def run_with_engine(app: object, **options: object) -> None:
        run("argilla_sql_search.app:app" if app == "argilla_server:app" else app, **options)

    return run_with_engine


if __name__ == "__main__":
    main()
