"""Names that tell of somebody: redaction replaces what texts hold, and a log's own names of things stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.grammar import counted
from workspaces.privacy.redaction.emails import find_emails

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def warn_of_names(names: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a sentence on names that hold an e-mail address, which stand in an export; none where there is none.

    Args:
        names: the different names by what they name, as a noun.
    """
    found = {what: sum(_tells(name) for name in some) for what, some in names.items()}
    told = [counted(number, what) for what, number in found.items() if number]
    said = (
        f"an e-mail address stands in {', '.join(told)}, which are exported as their log names them: "
        "'chatfeedback consent delete' takes conversations out for good, and a log that names things otherwise is read "
        "without such names"
    )
    return [said] if told else []


def _tells(name: str) -> bool:
    return "@" in name and any(True for _ in find_emails(name))
