"""A rewrite's whole life on the real servers: written, judged blind by others, accepted, paid, exported, compared with
other responses, erased.
"""

from __future__ import annotations

import gc
import json
import re
import secrets
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from chatfeedback import steps
from chatfeedback.report import write_report
from exports import NothingToExportError
from reward_engine import problems, wallet
from tests.e2e import test_argilla_in_a_browser as argilla_pages
from tests.e2e import test_label_studio_in_a_browser as label_studio_pages
from tests.e2e.hostile_messages import CANARY
from tests.e2e.workplace import Bench
from workspaces.config import load_config
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.argilla import session as argilla_session
from workspaces.platforms.label_studio import session as label_studio_session
from workspaces.platforms.label_studio.form import result_of
from workspaces.records import AnnotationStatus
from workspaces.store.latest_annotations import latest_annotations
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.e2e.workplace import Placed, Visit
    from tests.shared_servers import TestServer
    from workspaces.records import Task

pytestmark = [
    pytest.mark.servers,
    pytest.mark.browser,
    # the Argilla SDK 2.8.0 says so when it is imported
    pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning"),
    # argilla_connection.Connection.close leaves the SDK's own client open
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

KEY_VARIABLE = "CHATFEEDBACK_REWRITE_KEY"
PASSWORD = SecretStr("long-enough-to-be-good")
BONUS = 7
MODEL = "obelisk-40b"
HOSTILE = (
    f"Spiders are $worth insects.\n\n  <img src=x onerror='{CANARY} = 1'> They have **six** legs {{{{1+1}}}}\n"
    "&lt;b&gt;, which they use to build webs, and \u202ereversed\u202c they climb. שלום \U0001f600"
)
BETTER = f"Eight. Spiders are arachnids; <script>{CANARY} = 2</script> is what insects would say.\n\nInsects have six."
SIBLINGS = ("Eight legs, says one who counted.", "Two legs fewer than a scorpion has, or than I believe.")
WORSE = "They have as many as they need, and a few more on Sundays, when nobody counts."


class Desk(Bench):
    """The workspace of this test, and its people by name."""

    def answer(
        self, email: str, kind: str, remote_id: str, values: Mapping[str, str], status: str = "submitted"
    ) -> None:
        """Let somebody answer over the API: submit, discard, or save a draft."""
        if self.platform == "argilla":
            with closing(argilla_session.sign_in(self.url, email, PASSWORD)) as client:
                argilla_session.answer(client, remote_id, _as_argilla_has_it(kind, values), status)
            return
        form = Form.of(kind_of(kind).showing(len(self.tasks(kind)[remote_id].task.message_ids)))
        with closing(label_studio_session.sign_in(self.url, email, PASSWORD)) as client:
            for before in client.get(f"/api/tasks/{remote_id}/").raise_for_status().json()["annotations"]:
                client.delete(f"/api/annotations/{before['id']}/").raise_for_status()  # their own alone
            result = result_of(form, values)
            if status == "draft":
                draft = {"result": result, "lead_time": 3.0}
                client.post(f"/api/tasks/{remote_id}/drafts", json=draft).raise_for_status()
            else:
                given = {"result": result, "lead_time": 3.0, "was_cancelled": status == "discarded"}
                client.post(f"/api/tasks/{remote_id}/annotations/", json=given).raise_for_status()

    def sync(self) -> dict[tuple[str, str], tuple[AnnotationStatus, Mapping[str, str]]]:
        """Fetch the answers; return status and values by person and task."""
        (synced,) = steps.sync_answers(self.workspace).values()
        assert synced.failures == []
        with self.workspace.store.read() as connection:
            return {
                (it.person_id, it.task_id): (it.status, it.values) for it in latest_annotations(connection)
            }

    def settle(self) -> dict[str, int]:
        """Settle twice; return everybody's points."""
        steps.settle_answers(self.workspace)
        assert steps.settle_answers(self.workspace).corrections == 0
        with self.workspace.store.read() as connection:
            assert problems(connection) == []
            return {email: wallet(connection, self.person(email)).balance for email, _ in self.people}

    def person(self, email: str) -> str:
        return str(self.workspace.pseudonyms.find(email, (self.platform,)))

    def exported(self, name: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
        """Export; return the rows of every table."""
        with suppress(NothingToExportError):
            steps.export(self.workspace, name, folder, any_licence=True)
        return {
            table.name: [row for file in table.glob("*") for row in pq.read_table(file).to_pylist()]
            for table in folder.glob("data/*")
        }


@pytest.fixture(params=["argilla", "label_studio"])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    platform: str = request.param
    server: TestServer = request.getfixturevalue(f"{platform}_server")
    folder = tmp_path_factory.mktemp("rewrite")
    section = {"url": server.url, "api_key_env": KEY_VARIABLE}
    if platform == "argilla":
        section["workspace"] = f"rewrite-{secrets.token_hex(4)}"
    configuration = {
        "version": 1,
        "platforms": {platform: section},
        "mix": {"kinds": {"suggestion": 1, "suggestion_check": 1}, "overlap": 4},
        "rates": {"bonuses": {"accepted_rewrite": BONUS, "accepted_by": 2}},
        "select": {"skip_flags": [], "near_duplicates": "all"},
    }
    rows = [
        {
            "conversation_id": f"chat-{number}",
            "conversation": [
                {"role": "user", "content": f"How many legs have {number} spiders, each?"},
                {"role": "assistant", "content": HOSTILE, "reasoning_content": "They look like ants."},
            ],
            "model_name": MODEL,
            "user_id": f"giver-{number}",
        }
        for number in range(4)
    ]
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with (
        pytest.MonkeyPatch.context() as patch,
        Workspace.create(folder / "w", json.dumps(configuration)) as workspace,
    ):
        patch.setenv(KEY_VARIABLE, server.api_key.get_secret_value())
        steps.ingest_file(workspace, log, publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        steps.push_tasks(workspace)
        names = ("writer", "ann", "bob", "cat")
        emails = [f"{name}-{secrets.token_hex(4)}@example.org" for name in names]
        steps.invite_people(workspace, dict.fromkeys(emails, PASSWORD))
        people = [(email, PASSWORD.get_secret_value()) for email in emails]
        yield Desk(workspace, platform, server.url.rstrip("/"), list(people), people)
    gc.collect()  # the SDK's open sockets are noticed here, where they are expected


def open_kind(at: Visit, desk: Desk, kind: str) -> None:
    if desk.platform == "argilla":
        at.page.goto(at.url)
        argilla_pages.open_dataset(at, desk.tasks(kind))
    else:
        label_studio_pages.open_project(at, desk.tasks(kind))
        label_studio_pages.label(at.page)


def enter(at: Visit, desk: Desk, email: str) -> None:
    pages = argilla_pages if desk.platform == "argilla" else label_studio_pages
    pages.enter(at, email, PASSWORD.get_secret_value())


def shown(at: Visit, desk: Desk) -> str:
    if desk.platform == "argilla":
        return argilla_pages.record_shown(at.page)
    return label_studio_pages.task_shown(at.page)


def shots(at: Visit, name: str) -> None:
    """Keep pictures of the page at desktop width and at 1024 pixels; nothing is wider than the window."""
    wide = at.page.viewport_size
    assert wide is not None
    for width, height in ((1440, 900), (1024, 768)):
        at.page.set_viewport_size({"width": width, "height": height})
        assert at.page.evaluate("document.documentElement.scrollWidth") <= width
        at.page.wait_for_timeout(300)
        at.shot(f"{name}-{width}")
    at.page.set_viewport_size(wide)


def box_of(at: Visit, desk: Desk) -> Locator:
    if desk.platform == "argilla":
        return at.page.get_by_label("Question: rewrite").locator("[contenteditable=true], textarea")
    return at.page.locator("textarea[name=rewrite]")


def text_in(box: Locator) -> str:
    return box.input_value() if box.evaluate("it => it.tagName") == "TEXTAREA" else box.inner_text()


def press_submit(at: Visit, desk: Desk) -> None:
    if desk.platform == "argilla":
        argilla_pages.press(at.page, "Submit")
    else:
        label_studio_pages.press(at.page, "submit")


def prefers(check: Task, response: str, *, rewrite: bool | None) -> dict[str, str]:
    """Return the answer that the rewrite is better, or the response, or neither, wherever each stands."""
    comparison = kind_of(check.kind).comparison
    assert comparison is not None
    side = check.message_ids.index(response)
    preferred = None if rewrite is None else 1 - side if rewrite else side
    return {comparison.name: comparison.answer_for(preferred)}


def _as_argilla_has_it(kind: str, values: Mapping[str, str]) -> dict[str, Any]:
    ranking = kind_of(kind).ranking
    if ranking is None:
        return dict(values)
    places = ranking.places_of(values[ranking.name])
    return {ranking.name: [{"value": option, "rank": place} for option, place in places.items()]}


def _first(task: Task, message_id: str) -> dict[str, str]:
    """Return the answer that prefers one response to all others, which are as good as each other."""
    place, kind = task.message_ids.index(message_id), kind_of(task.kind)
    if kind.comparison is not None:
        return {kind.comparison.name: kind.comparison.answer_for(place)}
    names = "abcde"[: len(task.message_ids)]
    return {"ranking": f"{names[place]} > {' = '.join(names[:place] + names[place + 1 :])}"}


def _compared_with_siblings(desk: Desk, folder: Path, written: Task, check: Task) -> dict[str, Placed]:
    """Ingest two further logs with the prompt of the accepted rewrite; return the tasks that compare it with them."""
    (conversation,) = desk.workspace.collection.get(written.conversation_ids).values()
    log = folder / "siblings.jsonl"
    rows = [
        {
            "conversation_id": f"sibling-{number}",
            "conversation": [
                {"role": "user", "content": conversation.messages[0].content},
                {"role": "assistant", "content": text, "reasoning_content": "They look like ants."},
            ],
            "model_name": MODEL,
            "user_id": f"giver-{number}",
        }
        for number, text in enumerate(SIBLINGS)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    configuration = desk.workspace.path / "chatfeedback.yaml"
    mix = {"kinds": {"suggestion_check": 1, "preference": 1, "ranking": 1}, "overlap": 4}
    configuration.write_text(
        json.dumps(json.loads(configuration.read_text(encoding="utf-8")) | {"mix": mix}), encoding="utf-8"
    )
    desk.workspace.config = load_config(configuration)
    steps.ingest_file(desk.workspace, log, publish=True)
    steps.seed_responses(desk.workspace)
    made = steps.generate_tasks(desk.workspace)
    assert (made.by_kind, made.counterparts) == ({"preference": 5, "ranking": 1}, 1)
    assert made.with_counterparts == 3
    assert steps.push_tasks(desk.workspace).total == 6
    assert steps.generate_tasks(desk.workspace).created == steps.push_tasks(desk.workspace).total == 0
    compared = {
        remote_id: placed
        for kind in ("preference", "ranking")
        for remote_id, placed in desk.tasks(kind).items()
        if placed.task.rewrites
    }
    assert {placed.task.rewrites for placed in compared.values()} == {check.rewrites}
    assert len(compared) == 3
    return compared


def _assert_exported_as_a_persons(desk: Desk, folder: Path, response: str) -> None:
    """The rewrite is chosen over every other response, and each export says whose it is and of what."""
    dpo = desk.exported("dpo", folder / "compared")
    rejected = {row["rejected"][0]["content"] for row in dpo["trl"]}
    assert rejected == {HOSTILE, *SIBLINGS}
    for row, origin in zip(dpo["trl"], dpo["provenance"], strict=True):
        assert squeezed(row["chosen"][0]["content"]) == squeezed(BETTER)
        assert (origin["chosen_origin"], origin["chosen_models"]) == ("accepted_rewrite", [])
        assert (origin["chosen_rewrite_of"], origin["rejected_origin"]) == ([response], "model")
    (edit,) = desk.exported("edit", folder / "edits")["edit"]
    assert edit["original_response"] == HOSTILE
    ranking = desk.exported("ranking", folder / "rankings")
    (row,), (origin,) = ranking["ranking"], ranking["provenance"]
    assert squeezed(row["completions"][0]["completion"][0]["content"]) == squeezed(BETTER)
    assert origin["origins"] == ["accepted_rewrite", "model", "model", "model"]
    assert origin["rewrite_of"] == [[response], [], [], []]
    assert desk.exported("tpo", folder / "references") == {}  # nobody compared two responses of models


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_a_rewrite_lives_from_the_first_word_to_its_erasure(
    desk: Desk, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    writer, ann, bob, cat = (email for email, _ in desk.people)

    # written, in a browser and over the API: the field holds the response from the first
    at = visit(desk.url)
    enter(at, desk, writer)
    open_kind(at, desk, "suggestion")
    first = shown(at, desk)
    written = desk.tasks("suggestion")[first].task
    box = box_of(at, desk)
    expect(box).to_be_visible()
    assert squeezed(text_in(box)) == squeezed(HOSTILE)
    shots(at, f"{desk.platform}-suggestion")
    box.click()
    at.page.keyboard.press("Control+A")
    at.page.keyboard.insert_text(BETTER)
    at.shot(f"{desk.platform}-suggestion-written")
    press_submit(at, desk)
    at.assert_no_harm()
    others = [remote_id for remote_id in desk.tasks("suggestion") if remote_id != first]
    assert len(others) == 3
    desk.answer(writer, "suggestion", others[0], {"rewrite": WORSE})
    desk.answer(writer, "suggestion", others[1], {"rewrite": WORSE}, "discarded")
    desk.answer(writer, "suggestion", others[2], {"rewrite": WORSE}, "draft")
    desk.answer(bob, "suggestion", others[2], {"rewrite": HOSTILE.upper()})
    tasks = {remote_id: placed.task for remote_id, placed in desk.tasks("suggestion").items()}
    read = desk.sync()
    assert squeezed(read[desk.person(writer), written.id][1]["rewrite"]) == squeezed(BETTER)
    assert read[desk.person(writer), tasks[others[0]].id] == (AnnotationStatus.SUBMITTED, {"rewrite": WORSE})
    assert read[desk.person(writer), tasks[others[1]].id][0] is AnnotationStatus.DISCARDED
    draft = read.get((desk.person(writer), tasks[others[2]].id))
    assert (
        draft is None
        if desk.platform == "label_studio"
        else draft == (AnnotationStatus.DRAFT, {"rewrite": WORSE})
    )
    assert read[desk.person(bob), tasks[others[2]].id] == (
        AnnotationStatus.SUBMITTED,
        {"rewrite": HOSTILE.upper()},
    )
    balances = desk.settle()
    assert balances == {writer: written.points + tasks[others[0]].points, ann: 0, bob: 0, cat: 0}

    # judged by others, who are not told whose text is which
    assert steps.generate_tasks(desk.workspace).by_kind == {"suggestion_check": 2}
    assert steps.push_tasks(desk.workspace).total == 2
    assert steps.generate_tasks(desk.workspace).created == steps.push_tasks(desk.workspace).total == 0
    checks = desk.tasks("suggestion_check")
    good, bad = (
        next((name, it.task) for name, it in checks.items() if it.task.conversation_ids == (about, about))
        for about in (written.conversation_ids[0], tasks[others[0]].conversation_ids[0])
    )
    of = {
        check.id: tasks_of.message_ids[0]
        for check, tasks_of in ((good[1], written), (bad[1], tasks[others[0]]))
    }
    at = visit(desk.url, overhears=True)
    enter(at, desk, ann)
    open_kind(at, desk, "suggestion_check")
    remote_id = shown(at, desk)
    pages = argilla_pages if desk.platform == "argilla" else label_studio_pages
    seen = pages.texts_shown(at.page)
    expected = checks[remote_id].texts
    assert {title: list(map(squeezed, texts)) for title, texts in seen.items()} == {
        title: list(map(squeezed, texts)) for title, texts in expected.items()
    }
    assert len(seen["Answer A"]) == len(seen["Answer B"]) == 1  # no reasoning that a person would not write
    shots(at, f"{desk.platform}-suggestion-check")
    values = prefers(checks[remote_id].task, of[checks[remote_id].task.id], rewrite=remote_id == good[0])
    ((question, option),) = values.items()
    if desk.platform == "argilla":
        argilla_pages.choose(at.page, question, option)
    else:
        label_studio_pages.choose(at.page, 0, {"a": "A is better", "b": "B is better"}[option])
    press_submit(at, desk)
    at.assert_no_harm()
    said = "\n".join([at.page.content(), *at.answers])
    assert [word for word in (MODEL, "giver-", writer, "chat-0", "ants", "rewrite_of") if word in said] == []
    rest = next(remote for remote in (good[0], bad[0]) if remote != remote_id)
    votes = {good[0]: (True, True, None), bad[0]: (False, None, False)}
    given: dict[tuple[str, str], tuple[AnnotationStatus, Mapping[str, str]]] = {
        (ann, remote_id): (AnnotationStatus.SUBMITTED, values)
    }
    for remote, check in (good, bad):
        for email, rewrite in zip((ann, bob, cat), votes[remote], strict=True):
            if (email, remote) != (ann, remote_id):
                said_so = prefers(check, of[check.id], rewrite=rewrite)
                desk.answer(email, "suggestion_check", remote, said_so)
                given[email, remote] = (AnnotationStatus.SUBMITTED, said_so)
        own = prefers(check, of[check.id], rewrite=True)
        desk.answer(writer, "suggestion_check", remote, own)
        given[writer, remote] = (AnnotationStatus.SUBMITTED, own)
    assert rest in votes
    read = desk.sync()
    by_remote = dict((good, bad))
    for (email, remote), answer in given.items():
        assert read[desk.person(email), by_remote[remote].id] == answer
    before, balances = balances, desk.settle()
    for_checks = good[1].points + bad[1].points
    assert balances == {writer: before[writer] + BONUS} | {
        email: before[email] + for_checks for email in (ann, bob, cat)
    }
    page = write_report(desk.workspace).written.page.read_text(encoding="utf-8")
    assert "2 answers of writers about their own rewrites: in no figure" in page

    # exported as a pair by the votes of the others alone; what they rejected is nowhere
    tables = desk.exported("dpo", tmp_path / "dpo")
    ((pair,), (origin,)) = tables["trl"], tables["provenance"]
    assert squeezed(pair["chosen"][0]["content"]) == squeezed(BETTER)
    assert pair["rejected"][0]["content"] == HOSTILE
    assert (origin["chosen_origin"], origin["votes_chosen"], origin["votes_tie"]) == (
        "accepted_rewrite",
        2,
        1,
    )
    assert {vote["person_id"] for vote in tables["votes"]} == {desk.person(it) for it in (ann, bob, cat)}
    assert squeezed(BETTER) in squeezed(str(desk.exported("sft", tmp_path / "sft")).replace("\\n", " "))
    assert WORSE not in str(tables)

    # discarded instead: the vote is too small, and the bonus goes; submitted again, it comes back
    desk.answer(bob, "suggestion_check", good[0], {}, "discarded")
    desk.sync()
    assert desk.settle()[writer] == before[writer]
    desk.answer(bob, "suggestion_check", good[0], given[bob, good[0]][1])
    desk.sync()
    assert desk.settle() == balances

    # a counterpart from now on: of two further responses to the prompt nobody is told which text is a person's
    compared = _compared_with_siblings(desk, tmp_path, written, good[1])
    (theirs,) = good[1].rewrites
    assert {len(each.task.message_ids) for each in compared.values()} == {2, 4}
    at = visit(desk.url, overhears=True)
    enter(at, desk, ann)
    open_kind(at, desk, "ranking")
    assert pages.texts_shown(at.page).keys() >= {"Answer A", "Answer B", "Answer C", "Answer D"}
    shots(at, f"{desk.platform}-ranking-with-a-rewrite")
    said = "\n".join([at.page.content(), *at.answers])
    assert [word for word in (MODEL, "giver-", writer, "chat-0", "ants", "rewrite_of") if word in said] == []
    at.assert_no_harm()
    balances = desk.settle()
    for remote_id, placed in compared.items():
        for email in (ann, writer):
            desk.answer(email, placed.task.kind, remote_id, _first(placed.task, theirs))
    read = desk.sync()
    for placed in compared.values():
        assert read[desk.person(ann), placed.task.id][1] == _first(placed.task, theirs)
    paid = sum(placed.task.points for placed in compared.values())
    assert desk.settle() == balances | {ann: balances[ann] + paid}
    _assert_exported_as_a_persons(desk, tmp_path, written.message_ids[0])

    # the writer is forgotten: the text is nowhere, and who judged it keeps their points
    balances, person = desk.settle(), desk.person(writer)
    receipt = steps.forget_person(desk.workspace, person, by="giver")
    assert receipt["removed"]["platforms"] == {desk.platform: 2 + len(compared)}
    assert receipt["removed"]["exports_to_make_again"]
    with desk.workspace.platform(desk.platform) as platform:
        assert platform.find("suggestion_check", [good[1].id, bad[1].id]) == []
        for placed in compared.values():
            form = kind_of(placed.task.kind).showing(len(placed.task.message_ids))
            assert platform.find(form.container, [placed.task.id]) == []
    assert desk.tasks("suggestion_check") == desk.tasks("ranking") == {}
    assert "arachnids" not in str(desk.exported("dpo", tmp_path / "later"))
    desk.sync()
    with desk.workspace.store.read() as connection:
        everything = str(latest_annotations(connection))
        assert [wallet(connection, desk.person(it)).balance for it in (ann, bob, cat)] == [
            balances[it] for it in (ann, bob, cat)
        ]
    assert "arachnids" not in everything
    assert steps.generate_tasks(desk.workspace).by_kind == {}
