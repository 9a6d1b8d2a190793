"""An annotator at work in Label Studio, in a real browser, and the points on the command line."""

from __future__ import annotations

import re
import secrets
from itertools import product
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.defined import defined
from tests.e2e.shown_turns import Shown, turns_shown
from tests.e2e.workplace import LEAST_CHARACTERS, PLACED, first_answers
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion, kind_of
from workspaces.records import Display, Quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.e2e.workplace import Bench, Placed, Visit

pytestmark = [pytest.mark.servers, pytest.mark.browser]

SUGGESTION = "Escape the text where it lands in the page, and it shows as it was typed."
OFFER = re.compile(
    r"Significance: (\w+) · (\d+) points for the six tags · (\d+) points for a suggestion"
    r" · for the first \d+ people who answer · Task [0-9a-f]{24}\n+(.*)"
)
OPINION = re.compile(
    r"A machine's opinion, which may be wrong; answer as you see it: Follows .*Toxic\? (Yes|No|N/A)"
)


def enter(visit: Visit, email: str, password: str) -> None:
    page = visit.page
    page.goto(f"{visit.url}/user/login/")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Recent Projects")).to_be_visible()


def open_project(visit: Visit, tasks: dict[str, Placed]) -> None:
    """Open the project of these tasks: other tests may have made some of the same title."""
    (project,) = {placed.container_id for placed in tasks.values()}
    visit.page.goto(f"{visit.url}/projects/{project}/data")
    expect(visit.page.get_by_text("Label All Tasks")).to_be_visible()


def label(page: Page) -> None:
    """Start labeling, as the annotator does, and close the instructions that come up."""
    page.get_by_text("Label All Tasks").click()
    expect(page.get_by_text("Labeling Instructions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Labeling Instructions")).to_be_hidden()
    expect(page.locator(".cfw-question")).not_to_have_count(0)


ANOTHER_TASK = """
seen => {
  const number = document.querySelector(".lsf-current-task__task-id")?.innerText.split(/\\s/)[0];
  return number && !seen.includes(number);
}
"""
"""Whether the page shows a task, and none of those that were seen."""


def task_shown(page: Page) -> str:
    return re.sub(r"\s.*", "", page.locator(".lsf-current-task__task-id").inner_text(), flags=re.DOTALL)


def fields_shown(page: Page) -> dict[str, list[Shown]]:
    return {
        chat.locator("h4").inner_text(): turns_shown(chat.locator(".cfw-turn"))
        for chat in page.locator(".cfw-chat").all()
    }


def texts_shown(page: Page) -> dict[str, list[str]]:
    return {title: [turn.typed for turn in turns] for title, turns in fields_shown(page).items()}


def choose(page: Page, number: int, option: str) -> None:
    """Choose an option of the question with this number, from 0."""
    choice = page.locator(".cfw-question").nth(number).get_by_role("radio", name=option)
    choice.check()
    expect(choice).to_be_checked()


def press(page: Page, button: str) -> None:
    """Press a button of the bottom bar and wait until the server has the answer."""
    methods = ("POST", "PATCH")
    with page.expect_response(lambda it: "/annotations" in it.url and it.request.method in methods) as done:
        page.get_by_test_id(f"bottombar-{button}-button").click()
    assert done.value.ok, done.value.text()


def test_answers_earn_what_was_promised_and_edits_and_skips_correct_it(
    label_studio_bench: Bench, visit: Callable[..., Visit]
) -> None:
    bench = label_studio_bench
    email, password = bench.annotators.pop()
    at = visit(bench.url)
    page = at.page
    enter(at, email, password)
    open_project(at, bench.tasks("preference"))
    label(page)
    chosen = bench.tasks("preference")[task_shown(page)].task
    promised = chosen.quote["preference"]
    expect(page.locator(".cfw-worth")).to_have_text(
        f"Significance: {chosen.significance} · {promised} points for your choice"
        f" · for the first {chosen.overlap} people who answer · Task {chosen.id}"
    )
    choose(page, 0, "A is better")
    at.shot("preference")
    press(page, "submit")
    for_choice = (promised, f"preference of a preference task of {chosen.significance} significance")

    open_project(at, bench.tasks("qualitative"))
    label(page)
    task_id = task_shown(page)
    rated = bench.tasks("qualitative")[task_id].task
    offer = OFFER.fullmatch(page.locator(".cfw-worth").inner_text())
    assert offer is not None
    assert OPINION.fullmatch(offer[4])  # on a line of its own
    level, tags, suggestion = offer[1], int(offer[2]), int(offer[3])
    assert level == rated.significance
    assert rated.quote == {"qualities": tags, "suggestion": suggestion}
    for number in range(len(Quality)):
        choose(page, number, "Yes")
    page.locator("textarea[name=suggestion]").click()
    page.keyboard.type(SUGGESTION)  # and "Add" is not pressed
    at.shot("qualitative")
    press(page, "submit")
    what = f"of a qualitative task of {level} significance"
    credited = [(tags, f"qualities {what}"), (suggestion, f"suggestion {what}")]
    whole = promised + tags + suggestion
    assert bench.collect(email) == (whole, [for_choice, *credited])

    page.get_by_test_id("prev-task").click()
    expect(page.get_by_test_id("bottombar-update-button")).to_be_visible()
    assert task_shown(page) == task_id
    page.get_by_test_id("htx-textbox-edit-button").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Too short.")
    choose(page, len(Quality) - 1, "No")
    at.shot("edited")
    press(page, "update")
    balance, movements = bench.collect(email)
    assert balance == whole - suggestion
    assert movements[3:] == [
        (-suggestion, f"suggestion {what}: corrected, the answer is now submitted (revision 2)")
    ]

    press(page, "skip")
    balance, movements = bench.collect(email)
    assert balance == promised
    assert movements[4:] == [
        (-tags, f"qualities {what}: corrected, the answer is now discarded (revision 3)")
    ]
    assert bench.command("settle")["corrections"] == 0

    page.get_by_test_id("prev-task").click()
    with page.expect_response(lambda it: it.request.method == "DELETE") as taken_back:
        page.get_by_text("Cancel skip").click()
    assert taken_back.value.ok
    expect(page.get_by_test_id("bottombar-submit-button")).to_be_visible()
    at.shot("skip-taken-back")
    at.assert_no_harm()


def test_an_annotator_sees_only_their_own_answers_and_no_button_of_the_lead(
    label_studio_bench: Bench, visit: Callable[..., Visit]
) -> None:
    bench = label_studio_bench
    email, password = bench.annotators.pop()
    at = visit(bench.url, overhears=True)
    page = at.page
    enter(at, email, password)
    for button in ("Create Project", "Invite Members"):
        expect(page.get_by_text(button, exact=True).filter(visible=True)).to_have_count(0)
    at.shot("home")
    (project,) = {placed.container_id for placed in bench.tasks("preference").values()}
    page.get_by_text("Recent Projects").wait_for()
    page.goto(f"{at.url}/projects/")
    expect(page.get_by_text(kind_of("preference").title).first).to_be_visible()
    page.goto(f"{at.url}/projects/{project}/data")  # other tests have projects of this name on this server
    expect(page.get_by_text("Label All Tasks")).to_be_visible()
    for button in ("Settings", "Import", "Export"):
        expect(page.get_by_text(button, exact=True).filter(visible=True)).to_have_count(0)
    at.shot("no-answer-yet")
    label(page)
    answered = task_shown(page)
    choose(page, 0, "B is better")
    press(page, "submit")
    open_project(at, bench.tasks("preference"))
    rows = page.locator("[class*=row-wrapper]")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(answered)
    at.shot("own-answers")
    for path in ("/people/", f"/projects/{project}/settings", "/user/account"):
        page.goto(f"{at.url}{path}")
        expect(page.get_by_text("This is closed to annotators")).to_be_visible()
    page.get_by_role("link", name="Your projects").click()
    expect(page.get_by_text("Runtime error")).to_have_count(0)
    said = "\n".join(at.answers)
    others = {other for other, _ in bench.people if other != email}
    assert [other for other in others if other in said] == []


def test_guidelines_can_be_read_and_nothing_anchors_the_annotator(
    label_studio_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = label_studio_bench.annotators.pop()
    at = visit(label_studio_bench.url, overhears=True)
    page = at.page
    enter(at, email, password)
    for kind, own_words in (
        ("preference", "Longer is not better."),
        ("qualitative", f"points, with {LEAST_CHARACTERS} characters or more"),
    ):
        open_project(at, label_studio_bench.tasks(kind))
        label(page)
        assert page.locator(".cfw input:checked").count() == 0
        assert page.locator("textarea").all_inner_texts() == [""] * page.locator("textarea").count()
        assert page.get_by_test_id("htx-textbox-edit-button").count() == 0
        page.get_by_role("button", name="Instructions", exact=True).click()
        guidelines = page.locator(".lsf-modal-ls__content")
        expect(guidelines).to_be_visible()
        expect(guidelines).to_contain_text("What you do here")
        expect(guidelines).to_contain_text("Your points")
        expect(guidelines).to_contain_text(own_words)
        assert not re.search(r"\*|^#|\|", guidelines.inner_text(), re.MULTILINE)
        at.shot(f"guidelines-{kind}")
        for remote_id, placed in label_studio_bench.tasks(kind).items():
            fetched = page.request.get(f"{at.url}/api/tasks/{remote_id}/").json()
            assert fetched["predictions"] == []
            assert fetched["meta"] in ({}, None)
            assert fetched["data"].keys() - {"task_id", "worth"} == set(_data_keys(placed.texts))
            assert fetched["data"]["task_id"] == placed.task.id
            at.answers.append(str(fetched))
    at.assert_blind()
    contact = f"Ada {secrets.token_hex(4)}"
    assert label_studio_bench.announce(contact) == {"label_studio": sorted(PLACED)}
    assert label_studio_bench.announce(contact) is None
    open_project(at, label_studio_bench.tasks("qualitative"))
    page.get_by_text("Label All Tasks").click()
    expect(page.locator(".lsf-modal-ls__content")).to_contain_text(f"ask {contact}.")


def _data_keys(texts: dict[str, list[str]]) -> list[str]:
    names = {"Conversation so far": "conversation", "Response to judge": "response"}
    fields = [names.get(title, title.lower().replace(" ", "_")) for title in texts]
    return [f"{what}_{field}" for what in ("chat", "shown") for field in fields]


def _assert_that_there_is_room(page: Page) -> None:
    """Prove that the context and each answer show some lines, that nothing is wider than the window, on any screen."""
    wide = page.viewport_size
    assert wide is not None
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 768})
        for chat in page.locator(".cfw-chat").all():
            box = defined(chat.bounding_box())
            first = defined(chat.locator(".cfw-turn").first.bounding_box())
            assert box["height"] >= min(first["height"], 60), (width, chat.inner_text())
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        for button in ("skip", "submit"):
            at = defined(page.get_by_test_id(f"bottombar-{button}-button").bounding_box())
            assert 0 <= at["x"] <= at["x"] + at["width"] <= width
    page.set_viewport_size(wide)


def test_every_requested_kind_is_answered_in_a_browser_and_read_back(
    label_studio_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = label_studio_bench.annotators.pop()
    at = visit(label_studio_bench.url)
    page = at.page
    enter(at, email, password)
    wanted = {}
    for kind, tasks in label_studio_bench.requested():
        open_project(at, tasks)
        label(page)
        answers = first_answers(kind)
        for number, question in enumerate(kind.questions):
            asked = page.locator(".cfw-question").nth(number)
            match question:
                case RankingQuestion():
                    for place, choices in zip(
                        question.places_of(answers[question.name]).values(),
                        asked.locator(".cfw-place").all(),
                        strict=True,
                    ):
                        choices.get_by_role("radio", name=str(place)).check()
                case ChoiceQuestion():
                    text = question.options[answers[question.name]]
                    asked.locator(f'input[name="{text}"]').check()
                case MultipleChoiceQuestion():
                    for option in answers[question.name].split(","):
                        asked.locator(f'input[name="{question.options[option]}"]').check()
                case _:
                    asked.locator("textarea").click()
                    page.keyboard.type(answers[question.name])
        at.shot(f"answered-{kind.container}")
        wanted[tasks[task_shown(page)].task.id] = answers
        press(page, "submit")
    assert len(wanted) >= 3
    assert label_studio_bench.answers_of(email) == wanted
    at.assert_no_harm()


def test_hostile_text_shows_as_it_was_typed_and_rendered_and_does_nothing(
    label_studio_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = label_studio_bench.annotators.pop()
    at = visit(label_studio_bench.url)
    page = at.page
    enter(at, email, password)
    looked: set[tuple[str, Display]] = set()
    for kind, tasks in label_studio_bench.forms():
        open_project(at, tasks)  # a table that shows the texts as well
        label(page)
        seen: dict[str, dict[str, list[Shown]]] = {}
        wanted = {(kind.name, placed.display) for placed in tasks.values()}
        while wanted - looked:
            page.wait_for_function(ANOTHER_TASK, arg=list(seen))
            expect(page.locator(".cfw-turn")).not_to_have_count(0)
            placed = tasks[task_shown(page)]
            seen[task_shown(page)] = fields_shown(page)
            if (kind.name, placed.display) not in looked:
                _assert_that_there_is_room(page)
                looked.add((kind.name, placed.display))
                at.shot(f"hostile-{kind.container}-{placed.display}")
            press(page, "skip")
        assert seen == {remote_id: tasks[remote_id].shown for remote_id in seen}
    assert looked == set(product(PLACED, Display))
    at.assert_no_harm()
