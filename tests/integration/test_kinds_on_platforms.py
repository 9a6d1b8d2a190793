"""Every kind on every platform: each possible answer to each form is read back as it was given.

Of rankings all 13 of three responses are given, and of the 75 of four and 541 of five some that are spread over all;
``tests/unit/workspaces/test_ranking.py`` has all of them without a server.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, closing
from importlib import import_module
from itertools import islice, product
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from workspaces.config import PlatformsConfig
from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import ChoiceQuestion, RankingQuestion, TextQuestion, asked_kinds
from workspaces.records import AnnotationStatus, Role, Significance
from workspaces.registry import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.shared_servers import TestServer

pytestmark = pytest.mark.servers

PASSWORD = SecretStr("long-enough-to-be-good")
MOST_ANSWERS = 16
"""Answers to one form; of more, so many spread over all."""

TEXT = 'B names the wrong year. <b>Not</b> "bold" & 日本語\nIn two lines.'


def every_ranking(question: RankingQuestion) -> Iterator[str]:
    """Yield each ranking once."""
    options = list(question.options)
    told = set()
    for places in product(range(len(options)), repeat=len(options)):
        answer = question.answer_of(dict(zip(options, places, strict=True)))
        if answer not in told:
            told.add(answer)
            yield answer


def every_answer(form: Form) -> list[dict[str, str]]:
    """Return answers that give each option of each question, each text and each ranking, at least once."""
    choices = {question.name: list(_said(question)) for question in form.questions}
    longest = max(map(len, choices.values()))
    answers = [
        {
            name: said[number % len(said)]
            for name, said in choices.items()
            if not isinstance(_question(form, name), TextQuestion) or number % 2
        }
        for number in range(longest)
    ]
    return list(islice(answers, 0, None, 1 + len(answers) // MOST_ANSWERS))


def _question(form: Form, name: str) -> object:
    return next(question for question in form.questions if question.name == name)


def _said(question: object) -> Iterator[str]:
    if isinstance(question, RankingQuestion):
        yield from every_ranking(question)
    elif isinstance(question, ChoiceQuestion):
        yield from question.options
    else:
        yield from (TEXT, "A plain reason that is long enough.")


def content(form: Form, task_id: str) -> TaskContent:
    return TaskContent(
        task_id=task_id,
        chats={
            field.name: (Turn("Model", f"{field.title} of {task_id}", Role.ASSISTANT),)
            for field in form.fields
        },
        significance=Significance.HIGH,
        quote={"part": 4},
    )


FORMS = [Form.of(kind, responses=size) for kind in asked_kinds().values() for size in kind.sizes]


def test_every_ranking_of_up_to_five_is_another_line() -> None:
    questions = [
        question for form in FORMS for question in form.questions if isinstance(question, RankingQuestion)
    ]
    assert [len(list(every_ranking(question))) for question in questions] == [13, 75, 541]
    for question in questions:
        for answer in islice(every_ranking(question), 100):
            assert question.is_complete(answer)
            assert question.answer_of(question.places_of(answer)) == answer


@pytest.mark.parametrize("platform_name", PLATFORMS)
def test_every_answer_to_every_form_is_read_back_as_it_was_given(
    platform_name: str, servers: Callable[[str], TestServer]
) -> None:
    entry, server = PLATFORMS[platform_name], servers(platform_name)
    probe = import_module(f"tests.integration.probes.{platform_name}")
    own = f"kinds-{secrets.token_hex(4)}"
    model = PlatformsConfig.section_of(platform_name)
    section = model.model_validate({"workspace": own} if "workspace" in model.model_fields else {})
    email = f"ann-{secrets.token_hex(4)}@example.org"
    with ExitStack() as stack:
        platform = stack.enter_context(
            closing(entry.connect(section, server.url, server.api_key, str.casefold, own))
        )
        assert platform.invite(email, PASSWORD)
        session = stack.enter_context(closing(entry.sign_in(server.url, email, PASSWORD)))
        for form in FORMS:
            answers = every_answer(form)
            names = [f"{form.kind} {number}" for number in range(len(answers) + 2)]
            placed = [
                task
                for batch in platform.push(form, [content(form, name) for name in names], 1)
                for task in batch
            ]
            assert sorted(task.task_id for task in placed) == sorted(names)
            (container,) = {task.container_id for task in placed}
            assert {task.task_id for task in platform.find(form.kind, names)} == set(names)
            *answered, drafted, discarded = sorted(placed, key=lambda task: names.index(task.task_id))
            for task, values in zip(answered, answers, strict=True):
                session.submit(task, form, values)
            probe.save_draft(server, email, PASSWORD, drafted.remote_id, form, answers[0])
            probe.discard(server, email, PASSWORD, discarded.remote_id)
            pulled = {it.remote_id: it for batch in platform.pull(container) for it in batch}
            for task, values in zip(answered, answers, strict=True):
                told = pulled.pop(task.remote_id)
                assert told.status is AnnotationStatus.SUBMITTED
                assert dict(told.values) == values
            assert pulled.pop(discarded.remote_id).status is AnnotationStatus.DISCARDED
            if entry.capabilities.drafts_visible:
                draft = pulled.pop(drafted.remote_id)
                assert (draft.status, dict(draft.values)) == (AnnotationStatus.DRAFT, answers[0])
            assert pulled == {}
