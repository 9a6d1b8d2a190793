"""What the workers of ingest do beside the stages."""

import gc
from collections.abc import Iterator

from workspaces.workers import LocalWorkers


def test_what_was_imported_is_not_collected_while_chunks_are_read_and_is_afterwards() -> None:
    frozen: list[int] = []

    def work() -> Iterator[tuple[None, None]]:
        frozen.append(gc.get_freeze_count())
        yield from ()

    assert list(LocalWorkers(1).run(print, work())) == []
    assert frozen[0] > 0
    assert gc.get_freeze_count() == 0
