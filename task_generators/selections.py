"""What tasks of each kind may show: the lead's usual selection, or one that opens flags to a kind on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from task_generators.select import Selector
from workspaces.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from task_generators.select import Known, Selection
    from workspaces.config import SelectConfig
    from workspaces.records import Conversation, Task


@dataclass(frozen=True, slots=True)
class Selections:
    """The usual selection, and by name those of kinds with ``select.show_flagged``."""

    usual: Selection
    opened: Mapping[str, Selection] = field(default_factory=dict)

    def of(self, kind: str) -> Selection:
        """Return the selection that holds for a kind."""
        return self.opened.get(kind, self.usual)

    def shown_at_all(self) -> NDArray[np.bool_]:
        """Return which conversations some kind may show, in the order in which they were read."""
        masks = [selection.taken.mask for selection in (self.usual, *self.opened.values())]
        shown: NDArray[np.bool_] = np.logical_or.reduce(masks)
        return shown

    def shown(self, kind: str, conversation: Conversation) -> Conversation | None:
        """Return the part of a conversation that tasks of a kind may show; None if there is none.

        A conversation is judged as a whole only where nothing of its log is withheld.
        """
        selection = self.of(kind)
        if conversation.id not in selection.taken:
            return None
        withheld = selection.withheld.get(conversation.id, ())
        if (
            withheld
            and kind_of(kind).of_conversation
            and any(it.id in withheld for it in conversation.logged())
        ):
            return None
        return selection.shown(conversation)

    def takes(self, task: Task) -> bool:
        """Return whether everything that a task shows is taken for its kind today."""
        return self.of(task.kind).takes(task)


class Selectors:
    """Reads every shared conversation once for all selections, a batch at a time."""

    def __init__(self, rules: SelectConfig, known: Known, *, trivial: bool = False) -> None:
        """Args: ``trivial``: whether tasks ask about empty answers on purpose (``mix.trivial``)."""
        self._usual = Selector(rules, known, trivial=trivial)
        self._opened = {
            kind: Selector(rules, known, trivial=trivial, opened=flags)
            for kind, flags in rules.show_flagged.items()
            if flags
        }

    def look(self, batch: pa.RecordBatch) -> None:
        """Read a batch; see ``Selector.look``."""
        for selector in (self._usual, *self._opened.values()):
            selector.look(batch)

    def selections(self) -> Selections:
        """Return the selections of all conversations read so far."""
        opened = {kind: selector.selection() for kind, selector in self._opened.items()}
        return Selections(self._usual.selection(), opened)
