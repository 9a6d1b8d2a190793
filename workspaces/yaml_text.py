"""Reads YAML that anybody may have written: of bounded depth and size, however often it refers to itself."""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH = 20
MAX_NODES = 500_000
"""Of a document, with each alias counted as what it stands for."""

MAX_BYTES = 16 * 1024 * 1024
"""Of a file that holds a document."""


def load_yaml(
    text: str, loader: type[yaml.BaseLoader | yaml.SafeLoader | yaml.CSafeLoader] = yaml.SafeLoader
) -> Any:
    """Return the value of a document.

    Args:
        text: the document.
        loader: a loader that makes plain values only.

    Raises:
        yaml.YAMLError: it is not YAML, is nested more than ``MAX_DEPTH`` deep, has more than ``MAX_NODES`` values, or
            holds a value that its type does not allow.
    """
    try:
        _check(text, loader)
        return yaml.load(text, loader)  # noqa: S506 - it is one of the safe loaders
    except yaml.YAMLError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise yaml.YAMLError(f"a value cannot be read: {error}") from None


_CURES = (
    ("found character '\\t'", "YAML indents by blanks: replace the tab by two of them"),
    (
        "mapping values are not allowed",
        "put a value with a colon into quotes, or align the line with those around it",
    ),
    ("expected <block end>", "align the line with those around it"),
    ("expected ',' or", "close the bracket, and put values with a colon, comma or bracket into quotes"),
    ("expected the node content", "close the bracket, or write the value"),
    ("could not find expected ':'", "write a colon and a blank after the key"),
    ("cannot start any token", "put the value into quotes"),
    ("expected alphabetic or numeric character", "put a value that begins with & or * into quotes"),
    ("found undefined alias", "put a value that begins with * into quotes"),
    ("found unexpected end of stream", "close the quotes"),
    ("stands twice", "keep one of the two"),
    ("YAML reads", "write a plain number, or put a text into quotes"),
)
"""What a fault of PyYAML says, and what to do about it."""


def explained(error: yaml.YAMLError) -> str:
    """Return in one line where a document is not YAML, why, and what to do."""
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    mark = getattr(error, "problem_mark", None)
    place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    cure = next(
        (cure for said, cure in _CURES if said in problem), "check quotes, colons and indentation there"
    )
    return f"{place}{problem}: {cure}"


def _check(text: str, loader: type[Any]) -> None:
    """Go through the events of a document, which takes no recursion, and stop at the first that is too much."""
    sizes: dict[str, int] = {}
    opened: list[tuple[str | None, int]] = []
    nodes = 0
    for event in yaml.parse(text, loader):
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, nodes))
            if len(opened) > MAX_DEPTH:
                raise _too_much(f"nested more than {MAX_DEPTH} deep", event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before + 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in {anchor for anchor, _ in opened}:
                raise _too_much(f"*{event.anchor} stands inside of itself", event)
            nodes += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            sizes[event.anchor] = 1
        nodes += isinstance(event, yaml.NodeEvent)
        if nodes > MAX_NODES:
            raise _too_much(f"more than {MAX_NODES} values", event)


def _too_much(what: str, event: yaml.Event) -> yaml.YAMLError:
    mark: Any = event.start_mark  # of one of two classes
    return yaml.MarkedYAMLError(problem=what, problem_mark=mark)
