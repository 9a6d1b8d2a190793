"""The columns of a format as its reader declares them, and the values of a row that are in none of them.

A reader declares two tables of paths. ``READS`` says of each path where its value goes (a ``Use``); ``IGNORES`` says
of others why they are not kept. Every other value of a row is a loss, which ingest counts and names.

A path is ``messages[].content``: keys joined by dots, ``[]`` for the items of a list, ``*`` for any key.
``timestamp|created`` are two names of one value: the first that is understood counts. A path covers one value; that of
a ``Use`` with ``whole``, and any in ``IGNORES``, covers everything below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

KINDS_OF_PARTS = frozenset({"type", "content_type", "object"})
"""Keys of a part of a message that say only what the part is."""

_ROLE_KEYS = frozenset({"role", "from", "sender", "author", "speaker", "is_user", "isCreatedByUser"})
_TEXT_KEYS = frozenset({"content", "value", "text", "mes", "parts", "message", "messages"})

UNREAD = "unread"
NOT_UNDERSTOOD = "not understood"
CUT = "cut"
"""Kinds of losses: a value that nothing is made of, one that cannot be what its column holds, and a whole turn."""


@dataclass(frozen=True, slots=True)
class Use:
    """Where a value goes.

    Args:
        goes_to: what it becomes, in a few words; None: it is ignored.
        understood: whether it can become that; a value for which this is false is a loss.
        stored: the text in which it is stored, which has to be found in what was read, or it is a loss; None where it
            cannot become that, empty where it says nothing.
        whole: everything below the path goes there, too.
        sought: it has to be found in the messages that were read, or it is a loss; with ``whole``: each value below.
        parts: it may be a list of parts, and each value of these has to be found, too.
        why: why it is ignored; with ``counts_in``: why it is ignored elsewhere.
        decides: it decides how the rest is read, and is not sought, such as the number of a turn.
        counts_in: whether it goes there in the object that holds it; None: in any. A thumb counts in a response alone.
    """

    goes_to: str | None
    understood: Callable[[object], bool] | None = None
    stored: Callable[[object], str | None] | None = None
    whole: bool = False
    sought: bool = False
    parts: bool = False
    why: str = ""
    decides: bool = False
    counts_in: Callable[[Mapping[str, object]], bool] | None = None


class Again(NamedTuple):
    """In ``READS``: what stands at this path has the paths of another one, as the replies of a message do."""

    path: str


Reads: TypeAlias = Mapping[str, Use | Again]


class Loss(NamedTuple):
    """A value of a row that is not kept; for a turn that is ``CUT``, ``path`` is the reason.

    ``sought`` is true for a value of a turn: it is lost only if no message holds it. ``read`` is true for a value that
    the reader knows, in the form in which it would be stored: it is lost only if that stands nowhere.
    """

    kind: str
    path: str
    value: object
    sought: bool = False
    read: bool = False


@dataclass(slots=True)
class _Node:
    """One place of the tree of paths: its use, its keys, and the node of its items."""

    path: str
    use: Use | None = None
    keys: dict[str, _Node] = field(default_factory=dict)
    items: _Node | None = None
    names_of_one: dict[frozenset[str], tuple[str, ...]] = field(default_factory=dict)


_NESTED = (dict, list)
_SEGMENT = re.compile(r"\[\]|[^.\[\]]+")


class Columns:
    """The declared columns of a format.

    Args:
        reads: the paths that are read.
        ignores: the paths that need not be read, each with the reason.
    """

    def __init__(self, reads: Reads, ignores: Mapping[str, str] | None = None) -> None:
        self._root = _Node("")
        for path, use in reads.items():
            if isinstance(use, Use):
                self._declare(path, use)
        for path, why in (ignores or {}).items():
            self._declare(path, Use(None, whole=True, why=why))
        for path, use in reads.items():
            if isinstance(use, Again):
                self._repeat(path, use.path)

    def losses(self, row: Mapping[str, object], held: AbstractSet[str]) -> list[Loss]:
        """Return the values of a row that are neither read nor ignored. Null and empty values are none.

        Args:
            row: the row.
            held: texts that were read of it, which are no losses; a value that became another one is a loss that
            ``kept.without_kept`` takes out.
        """
        found: list[Loss] = []
        _walk_object(self._root, row, found, held)
        return found

    def use_at(self, row: Mapping[str, object], place: Sequence[str | int]) -> Use | None:
        """Return the use of the value at a place of a row: keys, and positions in lists; None: it is not declared."""
        node: _Node | None = self._root
        value: Any = row
        for step in place:
            if node is None or (
                node.use is not None
                and (node.use.whole or node.use.parts)
                and (
                    node.items is None or (node.use.whole and not node.use.sought)
                    if isinstance(step, int)
                    else step not in node.keys
                )
            ):
                break
            node = node.items if isinstance(step, int) else node.keys.get(step, node.keys.get("*"))
            use = None if node is None else node.use
            if use is not None and use.counts_in is not None and use.why and not use.counts_in(value):
                return Use(None, whole=True, why=use.why)
            value = value[step]
        return None if node is None else node.use

    def use_of(self, column: str) -> Use | None:
        """Return what becomes of a column of the row; of one with declared keys, that of the first; None: unread."""
        node = self._root.keys.get(column) or self._root.keys.get("*")
        while node is not None and node.use is None:
            node = node.items or next(iter(node.keys.values()), None)
        return None if node is None else node.use

    def _declare(self, path: str, use: Use) -> None:
        for node in self._nodes(path):
            node.use = use

    def _repeat(self, path: str, other: str) -> None:
        (original,) = self._nodes(other)
        head, _, last = path.rpartition(".")
        (parent,) = self._nodes(head) if head else (self._root,)
        if last.endswith("[]"):
            (parent,) = self._nodes(path.removesuffix("[]"))
            parent.items = original
        else:
            parent.keys[last] = original

    def _nodes(self, path: str) -> list[_Node]:
        """Return the nodes of a path, made where they are missing; more than one if it ends in several names."""
        nodes = [self._root]
        for segment in _SEGMENT.findall(path):
            if segment == "[]":
                nodes = [_items_of(node) for node in nodes]
                continue
            names = tuple(segment.split("|"))
            if len(names) > 1:
                for node in nodes:
                    node.names_of_one[frozenset(names)] = names
            nodes = [_key_of(node, name) for node in nodes for name in names]
        return nodes


def has_value(value: object) -> bool:
    """Return whether anything in a value is neither null nor empty."""
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    if isinstance(value, Mapping):
        return any(map(has_value, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_value, value))
    return value is not None


def is_messages(value: object) -> bool:
    """Return whether a value is a list with a message: an object that has a speaker and a text."""
    return isinstance(value, list) and any(
        isinstance(item, Mapping) and not _ROLE_KEYS.isdisjoint(item) and not _TEXT_KEYS.isdisjoint(item)
        for item in value[:20]
    )


def _items_of(node: _Node) -> _Node:
    if node.items is None:
        node.items = _Node(f"{node.path}[]")
    return node.items


def _key_of(node: _Node, name: str) -> _Node:
    return node.keys.setdefault(name, _Node(f"{node.path}.{name}" if node.path else name))


def _walk(node: _Node, value: object, found: list[Loss], held: AbstractSet[str]) -> None:
    if isinstance(value, str) and (node.keys or node.items) and value.lstrip()[:1] in ("[", "{"):
        value = _parsed(value)
    use = node.use
    if isinstance(value, dict):
        if node.keys:
            _walk_object(node, value, found, held)
            if use is None or not use.whole or use.sought:
                return
        elif use is not None and use.sought:
            _walk_object(node, value, found, held)
            return
    elif isinstance(value, list):
        if node.items is not None and (use is None or not use.whole or use.sought):
            items = node.items
            for item in value:
                if item is not None and item != "":
                    _walk(items, item, found, held)
            return
    elif use is not None:  # by far the most common: one value
        if not (isinstance(value, str) and value in held):
            _walk_value(node.path, use, value, found, held)
        return
    if use is None:
        if has_value(value):
            found.append(Loss(UNREAD, node.path, value))
    elif use.sought or use.parts:
        found.extend(leaves_of(node.path, value))
    elif (not use.whole or not is_understood(use, value)) and has_value(value):
        found.append(Loss(NOT_UNDERSTOOD, node.path, value))


def _walk_value(path: str, use: Use, value: object, found: list[Loss], held: AbstractSet[str]) -> None:
    """Walk one value at a declared path that is not stored as it is."""
    text = use.stored(value) if use.stored is not None else ""
    if text is None or not is_understood(use, value):
        if has_value(value):
            found.append(Loss(NOT_UNDERSTOOD, path, value))
    elif use.sought:
        found.extend(leaves_of(path, value))
    elif text and not use.decides and text not in held:
        found.append(Loss(UNREAD, path, text, read=True))


def _walk_object(node: _Node, value: Mapping[str, object], found: list[Loss], held: AbstractSet[str]) -> None:
    keys = node.keys
    any_key = keys.get("*")
    for key, item in value.items():
        if not item and (item is None or item == ""):
            continue
        child = keys.get(key, any_key)
        if child is None:
            _walk_unknown(node, key, item, found)
            continue
        use = child.use
        if use is not None and use.counts_in is not None and not use.counts_in(value):
            if not use.why and has_value(item):
                found.append(Loss(UNREAD, child.path, item))
        elif use is None or child.keys or child.items or isinstance(item, _NESTED):
            _walk(child, item, found, held)
        elif not (isinstance(item, str) and item in held):  # most often one value
            _walk_value(child.path, use, item, found, held)
    for names, in_order in node.names_of_one.items():
        if len(names & value.keys()) > 1:
            found.extend(_second_names(node, in_order, value))


def _walk_unknown(node: _Node, key: str, item: object, found: list[Loss]) -> None:
    """Walk what stands under a key that is not declared."""
    use = node.use
    path = f"{node.path}.{key}" if node.path else str(key)
    if use is not None and use.sought and not is_messages(item):
        found.extend(leaves_of(path, item))
    elif (use is None or use.sought or not use.whole) and has_value(item):
        found.append(Loss(UNREAD, path, item))


def leaves_of(path: str, value: object) -> Iterator[Loss]:
    """Yield the values below a path as losses, unless they are found; what only names the kind of a part is none."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in KINDS_OF_PARTS:
                yield from leaves_of(f"{path}.{key}", item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves_of(f"{path}[]", item)
    elif has_value(value):
        yield Loss(UNREAD, path, value, sought=True)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _second_names(node: _Node, names: tuple[str, ...], value: Mapping[str, object]) -> Iterator[Loss]:
    """Yield the values under further names of one value that are others than that of the first."""
    given = [name for name in names if name in value and has_value(value[name])]
    if len(given) < 2:
        return
    understood = [name for name in given if is_understood(node.keys[name].use, value[name])]
    for name in understood[1:]:
        if value[name] != value[understood[0]]:
            yield Loss(UNREAD, node.keys[name].path, value[name])


def is_understood(use: Use | None, value: object) -> bool:
    """Return whether a value can become what its use says."""
    if use is None:
        return True
    if use.understood is not None and not use.understood(value):
        return False
    return use.stored is None or use.stored(value) is not None
