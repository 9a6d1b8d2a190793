"""Label Studio as a ``Platform``: a project for each kind of task, a Label Studio task for each of ours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import httpx

from workspaces.platforms.base import RemoteAnswer, RequestRefusedError
from workspaces.platforms.label_studio import filters, hooks
from workspaces.platforms.label_studio import tasks as label_studio_tasks
from workspaces.platforms.label_studio.accounts import Accounts
from workspaces.platforms.label_studio.connection import LabelStudioConnection
from workspaces.platforms.label_studio.doors import open_doors
from workspaces.platforms.label_studio.form import asked_questions, values_of
from workspaces.platforms.label_studio.projects import Projects
from workspaces.platforms.label_studio.shapes import Annotation, Task, Tasks, Version
from workspaces.platforms.label_studio.tasks import ProjectTasks
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Container, PersonIdOf, Refuse, Settings
    from workspaces.records import GivenAnswer, PlacedTask

PAGE = 200
"""Tasks asked for at once when answers are read."""

_STATUS = {False: AnnotationStatus.SUBMITTED, True: AnnotationStatus.DISCARDED}


class LabelStudioPlatform:
    """A Label Studio server, community edition, reached with an administrator's personal access token.

    Args:
        url: address of the server.
        api_key: a personal access token (``label_studio.session.personal_access_token``).
        person_id_of: maps an e-mail address to a pseudonym.
        marker: names this workspace. It stands in the description of our projects, so that they are found
            again and several workspaces can share a server.
    """

    name = "label_studio"

    def __init__(self, url: str, api_key: SecretStr, person_id_of: PersonIdOf, marker: str) -> None:
        self._connection = LabelStudioConnection(url, api_key)
        self._person_id_of = person_id_of
        self._accounts = Accounts(self._connection)
        self._projects = Projects(self._connection, marker)

    def check(self) -> str:
        """Return the server's version and address, having proved that our key is accepted."""
        self._connection.call(lambda: self._connection.sdk.users.whoami(), idempotent=True)
        version = self._connection.read(Version, "/api/version")
        return f"Label Studio {version.release} at {self._connection.url}"

    def open_doors(self) -> tuple[str, ...]:
        """Return what members can do on this server that is not theirs, and whether strangers get in."""
        return open_doors(self._connection)

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        """Make sure that every task stands in the project of this form exactly once; see ``ProjectTasks.push``."""
        project_id = self._projects.for_form(form, overlap)
        yield from ProjectTasks(self._connection, project_id).push(form, contents, refuse)

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        """Return the settings of a form's project; see ``Platform.settings``."""
        return self._projects.settings(form, overlap)

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        """Write settings of a form's project; see ``Platform.write_settings``."""
        self._projects.write_settings(form, overlap, names)

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        """Yield every answer in a project, skipped ones included, in batches ordered by task.

        Drafts are left out: Label Studio shows a draft to nobody but its author. So are imported annotations:
        they carry the name of whoever imported them. What is no answer to our questions is dropped.
        """
        yield from self._listed(container_id, filters.answered_after)

    def shown(self, container_id: str) -> None:
        """Return None: Label Studio does not tell whom it showed a task; see ``Platform.shown``."""

    def recent(self, container_id: str, since: datetime) -> Iterator[list[RemoteAnswer]]:
        """Yield the answers to every task that changed since a moment; see ``Platform.recent``.

        A task changes with its answers (``tasks.updated_at``), and when it is pushed: those without any are left out.
        Most looks find few, and one request tells it: each takes time from the server's one process.
        """
        page = self._page(container_id, filters.any_changed_since(since))
        if len(page.tasks) >= page.total:
            if answers := [answer for task in page.tasks for answer in self._answers(task)]:
                yield answers
            return
        for count in filters.ANSWER_COUNTS:
            yield from self._listed(container_id, partial(filters.changed_since, since, count=count))

    def _listed(self, container_id: str, query_after: Callable[[int], str]) -> Iterator[list[RemoteAnswer]]:
        last = 0
        while True:
            page = self._page(container_id, query_after(last))
            answers = [answer for task in page.tasks for answer in self._answers(task)]
            if answers:
                yield answers
            if len(page.tasks) >= page.total:
                return
            last = page.tasks[-1].id

    def _page(self, container_id: str, query: str) -> Tasks:
        return self._connection.read(
            Tasks, "/api/tasks/", project=container_id, fields="all", page_size=PAGE, query=query
        )

    def hook(self, url: str, token: SecretStr, container_ids: Sequence[str]) -> SecretStr:
        """Make sure that our receiver hears of answers; return the token; see ``Platform.hook``."""
        return hooks.hook(self._connection, url, token, container_ids)

    def hooked_since(self, url: str) -> datetime | None:
        """Return when one of our webhooks was changed last; see ``Platform.hooked_since``."""
        return hooks.hooked_since(self._connection, url)

    def refuses_receiver(self, url: str) -> str | None:
        """Return whether the guard against private addresses refuses ``url``; see ``Platform.refuses_receiver``."""
        return hooks.refuses_receiver(self._connection, url)

    def mute(self, url: str) -> None:
        """Switch our webhooks off; see ``Platform.mute``."""
        hooks.mute(self._connection, url)

    def unhook(self, url: str) -> None:
        """Remove our webhooks; see ``Platform.unhook``."""
        hooks.unhook(self._connection, url)

    def look(self, container_id: str) -> Container | None:
        """Return what a project of this workspace is; None where there is none; see ``Platform.look``."""
        return self._projects.look(container_id)

    def mark(self, container_id: str, mark: str) -> None:
        """Write a mark into a project's description; see ``Platform.mark``."""
        self._projects.mark(container_id, mark)

    def standing(self, container_id: str) -> list[PlacedTask]:
        """Return every task of ours that stands in a project; see ``Platform.standing``."""
        return ProjectTasks(self._connection, container_id).standing()

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        """Return the answers to one task; None where no task of ours stands there; see ``Platform.answers_to``."""
        task = label_studio_tasks.at(self._connection, place)
        return None if task is None else self._answers(task)

    def only_authors_delete(self) -> bool:
        """Return whether the server says that it stands behind our door; see ``Platform.only_authors_delete``.

        By itself Label Studio lets every member delete everything, and does not tell who did.
        """
        return self._connection.is_behind_our_door()

    def find(self, container: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        """Return those of our tasks of one form that stand here, doubles included; see ``Platform.find``."""
        project_id = self._projects.named(container) if task_ids else None
        if project_id is None:
            return []
        return ProjectTasks(self._connection, str(project_id)).find(task_ids)

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        """Delete these tasks, with every answer to them; see ``Platform.remove``."""
        label_studio_tasks.remove(self._connection, tasks)

    def remove_answers(self, answers: Sequence[GivenAnswer]) -> None:
        """Delete these annotations, and none that has the number of one; see ``Platform.remove_answers``."""
        for answer in answers:
            path = f"/api/annotations/{int(answer.response_id)}/"
            try:
                made_at = self._connection.read(Annotation, path).created_at
            except RequestRefusedError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                continue
            if made_at == answer.made_at or (answer.made_at is None and made_at <= answer.first_read_at):
                self._connection.delete(path)

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete the person's account, never our own; see ``Platform.close_account``."""
        return self._accounts.close_account(is_theirs)

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account; return whether one was made. One that exists keeps its password.

        Raises:
            UsageError: Label Studio refuses the address or the password.
        """
        return self._accounts.invite(email, password)

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        """Return whether there is such an account; see ``Platform.has_account``."""
        return self._accounts.has_account(is_named)

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        """Give the person's account another password; see ``Platform.reset_password``.

        Raises:
            NotSuperuserError: the account of our key may not; the message says what to do there.
        """
        return self._accounts.reset_password(is_theirs, password)

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        """Make the person's account inactive: nobody signs in with it, nor uses its tokens; see ``Platform.revoke``.

        Raises:
            NotSuperuserError: the account of our key may not; the message says what to do there.
        """
        return self._accounts.let_in(is_theirs, allowed=False)

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        """Make the person's account active again; see ``Platform.restore``."""
        return self._accounts.let_in(is_theirs, allowed=True)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _answers(self, task: Task) -> list[RemoteAnswer]:
        # Our own questions, not the project's: any member may write others into its form.
        questions = asked_questions()
        answers = []
        for annotation in task.annotations:
            # Only an import leaves open who wrote an annotation last.
            if annotation.updated_by is None or (email := self._accounts.author_of(annotation)) is None:
                continue
            person_id = self._person_id_of(email)
            editor = self._accounts.editor_of(annotation)
            answers.append(
                RemoteAnswer(
                    response_id=str(annotation.id),
                    remote_id=str(task.id),
                    person_id=person_id,
                    editor_id=person_id if editor == email else self._person_id_of(editor),
                    status=_STATUS[bool(annotation.was_cancelled)],
                    values=values_of(annotation.result, questions),
                    updated_at=annotation.updated_at,
                    lead_time=annotation.seconds,
                    task_id=label_studio_tasks.task_id_of(task),
                    made_at=annotation.created_at,
                    task_made_at=task.created_at,
                )
            )
        return answers
