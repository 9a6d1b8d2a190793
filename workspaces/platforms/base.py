"""What the workbench asks of a labeling platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workspaces.errors import ConnectionFailedError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from pydantic import SecretStr

    from workspaces.forms import Form, TaskContent
    from workspaces.records import AnnotationStatus, GivenAnswer, PlacedTask

    PersonIdOf = Callable[[str], str]
    """Maps a platform's user name or e-mail address to the person's pseudonym (``workspaces.privacy``)."""

    Refuse = Callable[[str, str], None]
    """Is told the id of a task that a server does not take, and why."""


ATTEMPTS = 4
"""How often an idempotent request is sent before we give up."""

FIRST_PAUSE = 0.5
"""Seconds before the second attempt; doubled for each one after."""

LONGEST_PAUSE = 30.0
"""Seconds that we wait at most when a server says how long."""

TOO_MANY_REQUESTS = 429


def pause_before_next(attempt: int, retry_after: str | None = None) -> float:
    """Return how many seconds to wait after an attempt, numbered from 1; ``retry_after`` is the header, if any.

    The header may be a date as well; then the pause is as without it.
    """
    told = (retry_after or "").strip()
    asked = float(told) if told.isascii() and told.isdecimal() else 0.0
    return max(min(asked, LONGEST_PAUSE), FIRST_PAUSE * 2.0 ** (attempt - 1))


class RequestRefusedError(WorkbenchError):
    """A platform understood a request and refused it; the message quotes what it said."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ServerFailedError(ConnectionFailedError):
    """A server answered that it failed, each time that it was asked; the message has its words."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class RemoteAnswer:
    """One person's answer as the platform tells it now. ``values`` are plain answers by question name.

    ``remote_id`` is the platform's own id of the task where it stands, and ``task_id`` which task of ours that copy
    says it is: both have to be right, because the first can be given twice and the second can be written by others.
    ``made_at`` is when the answer was made and ``task_made_at`` when the copy was, by the platform's clock; None on a
    platform that gives an id once for all time. ``person_id`` is its author and ``editor_id`` who changed it last, the
    author included. ``lead_time`` is how many seconds the person took, ``served_at`` when the task was first shown to
    them; None where the platform does not tell.
    """

    response_id: str
    remote_id: str
    person_id: str
    editor_id: str
    status: AnnotationStatus
    values: Mapping[str, str]
    updated_at: datetime
    lead_time: float | None = None
    served_at: datetime | None = None
    task_id: str | None = None
    made_at: datetime | None = None
    task_made_at: datetime | None = None


class EventRefusedError(WorkbenchError):
    """What came to the receiver is no event of a platform of ours; ``status`` is the answer to who sent it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Container:
    """A dataset or project of ours, as the platform tells it.

    ``tasks`` is how many stand in it, others' included. ``mark`` is the text that the workbench wrote into it last: a
    server that was restored from a copy has an older one. ``made_at`` is when it was made; None on a platform that
    gives an id once for all time.
    """

    tasks: int
    mark: str | None = None
    made_at: datetime | None = None


GUIDELINES, OVERLAP = "guidelines", "overlap"
"""Names of two settings that every platform has."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a dataset or project of ours, by name, as texts that are equal where they mean the same.

    ``there`` is what the platform says, and ``ours`` what a form wants; what is not asked for is missing there.
    """

    container_id: str
    there: Mapping[str, str]
    ours: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do beyond ``Platform``; code asks for one of these, never for a platform's name.

    ``doctor --json`` shows them, and ``docs/adding-a-platform.md`` has them as a table.
    """

    assignment: bool
    """A task can be given to chosen people; without, everybody on the platform is offered every task."""

    overlap_enforced: bool
    """A task is offered to nobody any more once as many people have answered it as its overlap says; without, the
    overlap only says when the platform counts a task as completed."""

    lead_time: bool
    """How many seconds a person took is kept with the answer."""

    ranking_widget: bool
    """There is a control that puts several items in order."""

    drafts_visible: bool
    """An answer that was saved and not submitted is shown to others than its author, and so it is read."""


class Platform(Protocol):
    """A labeling platform. Every method raises ``ConnectionFailedError`` when the platform does not answer and
    ``CredentialsError`` when it answers but refuses our key.
    """

    name: str

    def check(self) -> str:
        """Return one line about the server (its version), having proved that our key is accepted."""
        ...

    def open_doors(self) -> tuple[str, ...]:
        """Return what an annotator can see or do on this server that is not theirs, a sentence each, with the remedy.

        ``doctor`` shows them. A server of our own has none; one that the lead runs may.
        """
        ...

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        """Make sure that every task stands on the platform exactly once, and yield what was placed, in batches.

        Idempotent: a task that is there already is found again, whatever a killed earlier run left behind, and
        answers given to it stay. ``overlap`` is how many people answer a task before it counts as completed. A dataset
        or project that stands there keeps its settings (``write_settings``).

        ``refuse`` is told of each task that the server does not take, while the others go on (``Halving``).

        Raises:
            RequestRefusedError: the server does not take a task and there is no ``refuse``, or takes none at all.
        """
        ...

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        """Return the settings of a form's dataset or project; None where there is none.

        Without ``overlap`` the guidelines alone are looked at.
        """
        ...

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        """Bring these settings of a form's dataset or project, which stands there, to what the form wants.

        Raises:
            WorkbenchError: the platform does not take them, because of tasks or answers of the old form.
        """
        ...

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        """Yield every answer in a dataset or project, of any status, in batches."""
        ...

    def shown(self, container_id: str) -> AbstractSet[str] | None:
        """Return the platform's own ids of the tasks that somebody was shown; None where it does not tell."""
        ...

    def recent(self, container_id: str, since: datetime) -> Iterator[list[RemoteAnswer]] | None:
        """Yield every answer that was made or changed at or after ``since``, by the platform's clock, in batches.

        More may be yielded; what was deleted is not. None: this server cannot tell, and only ``pull`` finds answers.
        """
        ...

    def hook(self, url: str, token: SecretStr, container_ids: Sequence[str]) -> SecretStr:
        """Make sure that this server sends an event to ``url`` whenever an answer in these containers changes.

        Idempotent: a hook is ours if its address has the path of ``url``. One that was changed or switched off is
        repaired; more than one are made one.

        Args:
            url: of our receiver; its path names the workspace and the platform.
            token: what the server shall send with each event, where it can; otherwise it signs them.
            container_ids: the datasets or projects.

        Returns:
            What proves that an event comes from this server: its secret, or the token.
        """
        ...

    def hooked_since(self, url: str) -> datetime | None:
        """Return when a hook for the path of ``url`` that is on was changed last, by the platform's clock; or None."""
        ...

    def refuses_receiver(self, url: str) -> str | None:
        """Return why this server would send no events to ``url``, with the remedy; None where nothing is known of it.

        Found out by asking; nothing is changed.
        """
        ...

    def mute(self, url: str) -> None:
        """Let the hooks for the path of ``url`` send nothing until ``hook`` is called again.

        While answers are asked for all the time, events only cost the server's time.
        """
        ...

    def unhook(self, url: str) -> None:
        """Remove every hook that ``hook`` made for the path of ``url``."""
        ...

    def look(self, container_id: str) -> Container | None:
        """Return what the platform says of a dataset or project; None where no such one of this workspace is there.

        A platform that numbers them, and whose data were lost, may have another one under the same number.
        """
        ...

    def mark(self, container_id: str, mark: str) -> None:
        """Write a text into a dataset or project, in place of the one before, where annotators do not look."""
        ...

    def standing(self, container_id: str) -> list[PlacedTask]:
        """Return every task that stands in a dataset or project and carries a task id of ours, doubles included."""
        ...

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        """Return the answers to one task; None where it does not stand there any more, or not as this task."""
        ...

    def only_authors_delete(self) -> bool:
        """Return whether nobody but an answer's author and the lead can delete it there, now and until now.

        Where others can as well, and the platform does not tell who did, a deletion is no proof of anything.
        """
        ...

    def find(self, container: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        """Return those of our tasks of one form that stand on the platform, by our ids; changes nothing there.

        ``container`` is ``Form.container``.
        """
        ...

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        """Delete exactly these tasks, with every answer to them; one that is gone already is no error."""
        ...

    def remove_answers(self, answers: Sequence[GivenAnswer]) -> None:
        """Delete exactly these answers; one that is gone already, or whose number another has now, is no error."""
        ...

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete the account whose name ``is_theirs`` knows, never an administrator's; return whether there was one."""
        ...

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account that can answer our tasks; return whether one was made.

        An account that exists keeps its password.
        """
        ...

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        """Return whether there is an account, also an administrator's, whose name ``is_named`` knows."""
        ...

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        """Give the account whose name ``is_theirs`` knows another password, never an administrator's.

        Returns the names to sign in with; none when there is no such account.
        """
        ...

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        """Take access to our tasks from the account whose name ``is_theirs`` knows, never an administrator's.

        Idempotent. Its answers stay, with its name. Returns whether there is such an account.
        """
        ...

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        """Undo ``revoke``; return whether there is such an account. One that was never revoked stays as it is."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class ProvenAccount:
    """An account whose password somebody knew.

    Args:
        name: as the platform gives it, not as it was typed; answers come under it.
        is_owner: whether it is that of the platform's owner, who is the lead.
        is_vouched: whether nobody but an owner makes accounts there. Elsewhere people open accounts with addresses that
            nobody proved to be theirs.
    """

    name: str
    is_owner: bool
    is_vouched: bool


class PersonSession(Protocol):
    """A platform as one annotator with a browser uses it. Signing in makes one."""

    def open_tasks(self, container_id: str, limit: int) -> Iterator[PlacedTask]:
        """Yield at most ``limit`` tasks that the person has not answered, in the order in which they are offered.

        Submit an answer to each before asking for the next: a platform may offer one task at a time.
        """
        ...

    def submit(
        self, task: PlacedTask, form: Form, values: Mapping[str, str], lead_time: float | None = None
    ) -> None:
        """Submit the person's answer to a task; an earlier one may be replaced.

        Args:
            task: where the task stands.
            form: the form that the task is shown with.
            values: plain answers by question name.
            lead_time: how many seconds the person took, for a platform that keeps it.
        """
        ...

    def close(self) -> None:
        """Sign out and close connections."""
        ...
