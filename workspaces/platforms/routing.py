"""What the workbench asks of a platform that gives tasks to chosen people: the capability ``assignment``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from workspaces.forms import Form
    from workspaces.records import AnnotationStatus

    KnownPerson = Callable[[str], str | None]
    """As ``PersonIdOf`` of ``workspaces.platforms.base``, and None for whoever is not to get a pseudonym by being
    looked up."""


class RoutingUnavailableError(WorkbenchError):
    """A platform cannot give tasks to chosen people; the message says what makes it able to, or what to set."""


class AssignmentState(StrEnum):
    """What became of an assignment: an answer was submitted, or the task was skipped; or its time ran out before."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task that is given to one account; lower positions are served first.

    After ``expires_at`` it is in nobody's queue unless it was ``begun`` (a draft is saved), and may be answered until
    it is taken back. ``served_at`` is when it was first shown, ``begun_at`` when the draft was saved last.
    """

    remote_id: str
    account: str
    position: int
    expires_at: datetime | None = None
    state: AssignmentState = AssignmentState.OPEN
    served_at: datetime | None = None
    begun_at: datetime | None = None

    @property
    def begun(self) -> bool:
        """Whether a draft is saved."""
        return self.begun_at is not None


@dataclass(frozen=True, slots=True)
class Accounts:
    """The account of each person who can answer our tasks, and how many more accounts belong to nobody known."""

    people: Mapping[str, str]
    unknown: int = 0


class Router(Protocol):
    """What gives tasks to chosen people, on a platform with the capability ``assignment``; see ``Routable``.

    Every method may raise ``RoutingUnavailableError``, beside what ``Platform`` raises.
    """

    def check(self) -> None:
        """Return if the server can give tasks to chosen people."""
        ...

    def accounts(self, known: KnownPerson) -> Accounts:
        """Return the accounts of the people who can answer our tasks, administrators left out.

        Of several accounts of one person it is always the same one.
        """
        ...

    def person_of(self, account: str, known: KnownPerson) -> str | None:
        """Return whose account it is, also of one that cannot answer any more; None: nobody's who is known."""
        ...

    def prepare(self, form: Form, overlap: int) -> None:
        """Make the dataset of a form where there is none, and route one without tasks.

        So nobody is offered a task of it that is not given to them.
        """
        ...

    def is_routed(self, container_id: str) -> bool:
        """Return whether people are offered in a dataset what is given to them alone."""
        ...

    def switch(self, container_id: str, *, routed: bool) -> None:
        """Say whether they are; what somebody has answered or begun there is theirs from then on."""
        ...

    def assignments(self, container_id: str) -> Iterator[list[Assignment]]:
        """Yield all assignments of a dataset, in batches."""
        ...

    def assign(self, container_id: str, assignments: Sequence[Assignment]) -> None:
        """Give tasks to people; one that is given already gets the new position and time."""
        ...

    def take_back(
        self, container_id: str, assignments: Sequence[Assignment], *, unseen: bool = False
    ) -> None:
        """Take tasks from people; one that is not given is no error.

        ``unseen``: only those that were shown to nobody until now; the others stay.
        """
        ...

    def responses(
        self, container_id: str, remote_ids: Sequence[str]
    ) -> dict[tuple[str, str], tuple[AnnotationStatus, datetime]]:
        """Return what people said to these tasks and when, given to them or not, by (task's own id, account)."""
        ...


@runtime_checkable
class Routable(Protocol):
    """A platform with the capability ``assignment``."""

    def router(self) -> Router:
        """Return what gives its tasks to chosen people; nothing is sent yet."""
        ...
