"""Every kind of task on every real platform: pushed, answered in every possible way, read back as it was given."""

from __future__ import annotations

import secrets
from contextlib import closing
from importlib import import_module
from itertools import cycle, islice, product
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from workspaces.config import PlatformsConfig
from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import (
    ChoiceQuestion,
    Criterion,
    MultipleChoiceQuestion,
    RankingQuestion,
    asked_kinds,
    asking,
    joined,
    kind_of,
    rubric_kinds,
)
from workspaces.records import AnnotationStatus, Role, Significance
from workspaces.registry import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.shared_servers import TestServer
    from workspaces.kinds import Kind, Question

pytestmark = pytest.mark.servers

PASSWORD = SecretStr("long-enough-to-be-good")
MOST_RANKINGS = 16
"""There are 13 of three responses, and 541 of five; ``tests/unit/workspaces/test_ranking.py`` has them all."""

RUBRICS = {
    "short": [Criterion("Names a year.")],
    "twenty_of_a_kind_xyz": [
        Criterion(f'{number}: costs <b>$5</b> & says "why" {"in many words " * 18}', (-1) ** number)
        for number in range(20)
    ],
}
"""The longest name, the most and the longest criteria that a configuration can have, and what markup would break."""

TEXT = "It names the wrong year; 1969 is right.\n\n- and <b>bold</b>"


def sizes_of(kind: Kind) -> list[Kind]:
    """Return the kind for its least and its greatest number of responses."""
    return [kind.showing(size) for size in sorted({kind.sizes[0], kind.sizes[-1]})]


def rankings(question: RankingQuestion) -> Iterator[str]:
    """Yield each ranking once."""
    options, told = list(question.options), set()
    for places in product(range(len(options)), repeat=len(options)):
        answer = question.answer_of(dict(zip(options, places, strict=True)))
        if answer not in told:
            told.add(answer)
            yield answer


def possible(question: Question) -> list[str]:
    """Return every answer to a question by itself.

    Of a choice of several, each one and all that go together; of many rankings, some that are spread over all.
    """
    match question:
        case MultipleChoiceQuestion():
            several = [option for option in question.options if option != question.none]
            return [*question.options, joined(several), joined(several[:2])]
        case RankingQuestion():
            every = list(rankings(question))
            return every[:: 1 + len(every) // MOST_RANKINGS]
        case ChoiceQuestion():
            return list(question.options)
        case _:
            return [TEXT]


def answers_to(form: Form) -> Iterator[Mapping[str, str]]:
    """Yield answers that together give every possible answer to every question, and one without what is optional."""
    most = max(len(possible(question)) for question in form.questions)
    columns = {question.name: cycle(possible(question)) for question in form.questions}
    rows = [{name: next(column) for name, column in columns.items()} for _ in range(most)]
    required = {question.name for question in form.questions if question.required}
    yield from rows
    if required < columns.keys():
        yield {name: value for name, value in rows[0].items() if name in required}


def content(form: Form, task_id: str) -> TaskContent:
    turns = (
        Turn("Person", "When was <i>Apollo 11</i>?", Role.USER),
        Turn("Model", "In 1968.", Role.ASSISTANT),
    )
    return TaskContent(task_id, {field.name: turns for field in form.fields}, Significance.HIGH, {"part": 4})


def test_every_ranking_of_up_to_five_is_another_line() -> None:
    kind = kind_of("ranking")
    asked = [ranking for size in kind.sizes if (ranking := kind.showing(size).ranking)]
    assert [len(list(rankings(question))) for question in asked] == [13, 75, 541]
    for question in asked:
        for answer in islice(rankings(question), 100):
            assert question.is_complete(answer)
            assert question.answer_of(question.places_of(answer)) == answer


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_answer_to_every_kind_is_read_back_as_it_was_given(
    name: str, servers: Callable[[str], TestServer]
) -> None:
    entry, server = PLATFORMS[name], servers(name)
    own = f"every-kind-{secrets.token_hex(4)}"
    model = PlatformsConfig.section_of(name)
    section = model.model_validate({"workspace": own} if "workspace" in model.model_fields else {})
    probe = import_module(f"tests.integration.probes.{name}")
    email = f"ann-{secrets.token_hex(4)}@example.org"
    with (
        asking(rubric_kinds(RUBRICS)),
        closing(entry.connect(section, server.url, server.api_key, lambda account: account, own)) as platform,
    ):
        assert platform.invite(email, PASSWORD)
        with closing(entry.sign_in(server.url, email, PASSWORD)) as person:
            containers = set()
            for kind in (sized for each in asked_kinds().values() for sized in sizes_of(each)):
                form = Form.of(kind)
                answers = list(answers_to(form))
                contents = [content(form, f"{kind.container} {number}") for number in range(len(answers) + 2)]
                placed = [task for batch in platform.push(form, contents, 1) for task in batch]
                (container,) = {task.container_id for task in placed}
                containers.add(container)
                assert {it.task_id for it in platform.find(kind.container, [placed[0].task_id])} == {
                    placed[0].task_id
                }
                for task, values in zip(placed, answers, strict=False):
                    person.submit(task, form, values)
                drafted, discarded = placed[-2:]  # neither is submitted
                probe.save_draft(server, email, PASSWORD, drafted.remote_id, form, answers[0])
                probe.discard(server, email, PASSWORD, discarded.remote_id, form, answers[0])
                read = [answer for batch in platform.pull(container) for answer in batch]
                given = {
                    task.remote_id: (AnnotationStatus.SUBMITTED, dict(values))
                    for task, values in zip(placed, answers, strict=False)
                } | {discarded.remote_id: (AnnotationStatus.DISCARDED, dict(answers[0]))}
                if entry.capabilities.drafts_visible:
                    given[drafted.remote_id] = (AnnotationStatus.DRAFT, dict(answers[0]))
                assert {it.remote_id: (it.status, dict(it.values)) for it in read} == given, kind.container
                for status, values in given.values():
                    if status is AnnotationStatus.SUBMITTED:
                        for question in kind.questions:
                            assert question.name not in values or question.is_complete(values[question.name])
            assert len(containers) == len(
                {it.container for each in asked_kinds().values() for it in sizes_of(each)}
            )
