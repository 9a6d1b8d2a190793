"""What the workers of ingest do beside the stages."""

import gc
from collections.abc import Iterator

from workspaces.garbage import THRESHOLDS
from workspaces.workers import LocalWorkers


def test_what_was_imported_is_not_collected_while_chunks_are_read_and_is_afterwards() -> None:
    frozen: list[int] = []

    def work() -> Iterator[tuple[None, None]]:
        frozen.append(gc.get_freeze_count())
        yield from ()

    assert list(LocalWorkers(1).run(print, work())) == []
    assert frozen[0] > 0
    assert gc.get_freeze_count() == 0


def test_a_worker_looks_for_garbage_seldom_and_this_process_as_before() -> None:
    before = gc.get_threshold()
    assert [*LocalWorkers(2).run(gc.get_threshold, [(), ()])] == [THRESHOLDS] * 2
    assert gc.get_threshold() == before != THRESHOLDS
