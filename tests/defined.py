"""A value that a test needs, out of one that may be missing."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def defined(value: Value | None) -> Value:
    """Return the value; the test fails where there is none."""
    assert value is not None
    return value
