"""What an annotator may hold of a JSON body: views that keep what they name and nothing else.

A view says of each key of an object whether the annotator sees it; a key that it does not name is left out. The
tests compare the views with the schemas of Argilla's OpenAPI, so a field that a later Argilla adds stays unseen
until somebody decides on it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue as Json

    from argilla_sql_search.viewers import Viewer


class NotTheirsError(Exception):
    """A body is another person's, or of a form that its view does not know: the annotator gets none of it."""


class View(ABC):
    """What an annotator sees of a value."""

    @abstractmethod
    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return what `viewer` may hold of `value`, which stands in the object `beside`."""


@dataclass(frozen=True)
class Whole(View):
    """The value as it is."""

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the value."""
        return value


@dataclass(frozen=True)
class Hidden(View):
    """Nothing; the key stays, with null."""

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return null."""
        return None


@dataclass(frozen=True)
class SameAs(View):
    """The value of another key of the same object, in the place of one that others' work moves."""

    key: str

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the other value."""
        return beside.get(self.key)


@dataclass(frozen=True)
class Empty(View):
    """A list without its members."""

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return an empty list."""
        return []


@dataclass(frozen=True)
class FirstLine(View):
    """The first line of a text: of an error it says what went wrong, the others can show what is stored."""

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the first line of a text; anything else as it is."""
        return value.partition("\n")[0] if isinstance(value, str) else value


@dataclass(frozen=True)
class Each(View):
    """A list of which every member is seen in the same way; null stays null."""

    view: View

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the members as they are seen."""
        if value is None:
            return None
        return [self.view.see(viewer, member, beside) for member in _list(value)]


@dataclass(frozen=True)
class Fields(View):
    """An object of which the named keys are seen; null stays null."""

    views: Mapping[str, View]

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the named keys that are there, each as it is seen."""
        if value is None:
            return None
        whole = _object(value)
        return {
            key: self.views[key].see(viewer, member, whole)
            for key, member in whole.items()
            if key in self.views
        }


@dataclass(frozen=True)
class Own(View):
    """An object that belongs to whoever asks.

    Args:
        fields: what is seen of it.
        key: the key that says whose it is.
        names: what of a person that key holds.
    """

    fields: Fields
    key: str
    names: Literal["id", "username"]

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the object; raise `NotTheirsError` if it is another person's."""
        if value is None:
            return None
        if not self.is_theirs(viewer, value):
            raise NotTheirsError
        return self.fields.see(viewer, value, beside)

    def is_theirs(self, viewer: Viewer, value: Json) -> bool:
        """Return whether the object belongs to `viewer`."""
        return _object(value).get(self.key) == (viewer.id if self.names == "id" else viewer.username)


@dataclass(frozen=True)
class EachOwn(View):
    """A list of which only the members that belong to whoever asks are seen."""

    own: Own

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the viewer's own members."""
        if value is None:
            return None
        theirs = [member for member in _list(value) if self.own.is_theirs(viewer, member)]
        return [self.own.see(viewer, member, beside) for member in theirs]


@dataclass(frozen=True)
class VisibleMetadata(View):
    """A record's metadata: the properties that its dataset shows to annotators."""

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the visible properties; null stays null."""
        if value is None:
            return None
        names = viewer.visible_metadata.get(str(beside.get("dataset_id")), frozenset())
        return {name: member for name, member in _object(value).items() if name in names}


@dataclass(frozen=True)
class StatusForThem(View):
    """A record's status: in a routed dataset whether whoever asks has answered it, not whether enough people have.

    A search for pending records means the same (`Queue.own_status`).
    """

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return the status; as it is where the record stands without its responses."""
        responses = beside.get("responses")
        if str(beside.get("dataset_id")) not in viewer.routed or not isinstance(responses, list):
            return value
        answered = any(
            response.get("user_id") == viewer.id and response.get("status") != "draft"
            for response in map(_object, responses)
        )
        return "completed" if answered else "pending"


@dataclass(frozen=True)
class WithRefused(View):
    """The answer to a request in bulk, some items of which did not reach the route.

    Args:
        view: what is seen of the others.
        refused: the items to put in, by their place among all.
    """

    view: View
    refused: Mapping[int, Json]

    def see(self, viewer: Viewer, value: Json, beside: Mapping[str, Json]) -> Json:
        """Return all items in their order."""
        seen = _object(self.view.see(viewer, value, beside))
        items = list(_list(seen.get("items")))
        for place in sorted(self.refused):
            items.insert(place, self.refused[place])
        return {**seen, "items": items}


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise NotTheirsError
    return value


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise NotTheirsError
    return value
