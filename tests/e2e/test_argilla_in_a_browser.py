"""An annotator at work in Argilla, in a real browser, and the points on the command line."""

from __future__ import annotations

import re
import secrets
from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from tests.defined import defined
from tests.e2e.hostile_messages import CANARY, LOADED
from tests.e2e.shown_turns import Shown, turns_shown
from tests.e2e.workplace import LEAST_CHARACTERS, PLACED, first_answers
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion
from workspaces.platforms.argilla.session import sign_in
from workspaces.records import Display, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playwright.sync_api import Locator, Page

    from tests.e2e.workplace import Bench, Placed, Visit

pytestmark = [pytest.mark.servers, pytest.mark.browser]

SUGGESTION = "Escape the text where it lands in the page, and it shows as it was typed."
KEYS_MS = 1_000
"""Argilla takes keys that follow each other more quickly for digits of one number."""

OFFER = re.compile(
    r"Significance (low|medium|high) · (\d+) points for the six tags, (\d+) points for a suggestion"
)


def enter(visit: Visit, email: str, password: str) -> None:
    page = visit.page
    page.goto(f"{visit.url}/sign-in")
    page.locator("input[name=Username]").fill(email)
    page.locator("input[name=Password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Your datasets")).to_be_visible()


def open_dataset(visit: Visit, tasks: Mapping[str, Placed]) -> None:
    """Open the dataset of these tasks by its address: the home page loads the older ones as one scrolls down."""
    (dataset,) = {placed.container_id for placed in tasks.values()}
    visit.page.goto(f"{visit.url}/dataset/{dataset}/annotation-mode")
    expect(questions(visit.page)).not_to_have_count(0)
    expect(bubbles(visit.page)).not_to_have_count(0)


def open_status(visit: Visit, status: str) -> None:
    """Go to the first of one's own tasks with a status, as the menu of statuses does."""
    visit.page.goto(f"{visit.page.url.partition('?')[0]}?page=1&status={status}")
    expect(visit.page.get_by_label("Status of Record")).to_have_attribute("title", status)
    expect(bubbles(visit.page)).not_to_have_count(0)


def questions(page: Page) -> Locator:
    return page.get_by_label("List of annotation questions").locator("> div")


def bubbles(page: Page) -> Locator:
    return page.locator(".chat__bubble")


def record_shown(page: Page) -> str:
    """Return the id of the record on the page, which ends the id of each field's element."""
    element = page.locator(".chat__wrapper").first.get_attribute("id")
    assert element is not None
    return element[-36:]


def fields_shown(page: Page) -> dict[str, list[Shown]]:
    return {
        chat.locator(".chat__title").inner_text(): turns_shown(chat.locator(".chat__bubble .cfw-turn"))
        for chat in page.locator(".chat").all()
    }


def texts_shown(page: Page) -> dict[str, list[str]]:
    return {title: [turn.typed for turn in turns] for title, turns in fields_shown(page).items()}


def choose(page: Page, question: str, value: str) -> None:
    page.locator(f"label[for={question}_{value}]").click()
    expect(page.locator(f"#{question}_{value}")).to_be_checked()


def press(page: Page, button: str) -> None:
    with page.expect_response(
        lambda it: "/responses" in it.url and it.request.method in ("POST", "PUT")
    ) as done:
        page.get_by_label("Annotation Questions").get_by_role("button", name=button).click()
    assert done.value.ok, done.value.text()


def test_answers_earn_what_was_promised_and_edits_and_discards_correct_it(
    argilla_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = argilla_bench.annotators.pop()
    at = visit(argilla_bench.url)
    page = at.page
    enter(at, email, password)
    open_dataset(at, argilla_bench.tasks("preference"))
    chosen = argilla_bench.tasks("preference")[record_shown(page)].task
    promised = chosen.quote["preference"]
    expect(page.locator(".fields")).to_contain_text(
        f"Significance {chosen.significance} · {promised} points for your choice"
    )
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    choose(page, "preference", "a")
    at.shot("preference")
    press(page, "Submit")
    for_choice = (promised, f"preference of a preference task of {chosen.significance} significance")

    page.goto(at.url)
    open_dataset(at, argilla_bench.tasks("qualitative"))
    record_id = record_shown(page)
    rated = argilla_bench.tasks("qualitative")[record_id].task
    shown = page.locator(".fields").inner_text()
    offer = OFFER.search(shown)
    assert offer is not None
    assert "\nA machine's opinion, which may be wrong; answer as you see it: Follows" in shown
    level, tags, suggestion = offer[1], int(offer[2]), int(offer[3])
    assert level == rated.significance
    assert rated.quote == {"qualities": tags, "suggestion": suggestion}
    for quality in Quality:
        expect(page.get_by_role("button", name="Submit")).to_be_disabled()
        choose(page, quality, "yes")
    box = page.get_by_label("Question: suggestion").locator("[contenteditable=true], textarea")
    box.click()
    page.keyboard.type(SUGGESTION)
    at.shot("qualitative")
    press(page, "Submit")
    what = f"of a qualitative task of {level} significance"
    credited = [(tags, f"qualities {what}"), (suggestion, f"suggestion {what}")]
    whole = promised + tags + suggestion
    assert argilla_bench.collect(email) == (whole, [for_choice, *credited])

    open_status(at, "submitted")
    assert record_shown(page) == record_id
    choose(page, Quality.TOXIC, "no")
    box.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Too short.")
    at.shot("edited")
    press(page, "Submit")
    balance, movements = argilla_bench.collect(email)
    assert balance == whole - suggestion
    assert movements[3] == (
        -suggestion,
        f"suggestion {what}: corrected, the answer is now submitted (revision 2)",
    )

    open_status(at, "submitted")
    press(page, "Discard")
    balance, movements = argilla_bench.collect(email)
    assert balance == promised
    assert movements[4:] == [
        (-tags, f"qualities {what}: corrected, the answer is now discarded (revision 3)")
    ]
    assert argilla_bench.command("settle")["corrections"] == 0
    at.assert_no_harm()


def _put(page: Page, option: str, place: int) -> None:
    """Put an answer on a place of a ranking by its key, and wait until it has moved there."""
    answer = page.locator(f'[id="{option}"][tabindex="0"]')
    before = defined(answer.bounding_box())["x"]
    answer.focus()
    page.keyboard.press(str(place))
    page.wait_for_function(
        "([id, x]) => document.getElementById(id).getBoundingClientRect().x < x - 20", arg=[option, before]
    )
    page.wait_for_timeout(KEYS_MS)


def test_guidelines_can_be_read_and_nothing_anchors_the_annotator(
    argilla_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = argilla_bench.annotators.pop()
    at = visit(argilla_bench.url, overhears=True)
    page = at.page
    enter(at, email, password)
    for kind, own_words in (
        ("preference", "Longer is not better."),
        ("qualitative", f"points, with {LEAST_CHARACTERS} characters or more"),
    ):
        page.goto(at.url)
        open_dataset(at, argilla_bench.tasks(kind))
        assert page.locator("form input:checked").count() == 0
        assert page.locator(".suggestion, [class*=suggestion-badge]").count() == 0
        panel = page.get_by_role("button", name="Expand Panel").filter(has_text="Guidelines", visible=True)
        panel.click()
        guidelines = page.locator(".guidelines, [class*=guidelines]").filter(visible=True).first
        expect(guidelines).to_be_visible()
        expect(guidelines).to_contain_text("What you do here")
        expect(guidelines).to_contain_text("Your points")
        expect(guidelines).to_contain_text(own_words)
        assert not re.search(r"\*\*|^#|\|", guidelines.inner_text(), re.MULTILINE)
        at.shot(f"guidelines-{kind}")
        _assert_blind_over_the_api(argilla_bench, email, password, argilla_bench.tasks(kind))
    at.assert_blind()
    contact = f"Ada {secrets.token_hex(4)}"
    assert argilla_bench.announce(contact) == {"argilla": sorted(PLACED)}
    assert argilla_bench.announce(contact) is None
    page.goto(at.url)
    open_dataset(at, argilla_bench.tasks("qualitative"))  # where the panel is still open
    expect(page.get_by_text(f"Questions about the work: ask {contact}.")).to_be_visible()


def _assert_blind_over_the_api(bench: Bench, email: str, password: str, tasks: dict[str, Placed]) -> None:
    """Fetch the records as the annotator, with all that the server would add."""
    (dataset_id,) = {placed.container_id for placed in tasks.values()}
    with closing(sign_in(bench.url, email, SecretStr(password))) as client:
        answer = client.post(
            f"/api/v1/me/datasets/{dataset_id}/records/search",
            json={},
            params={"include": ["suggestions", "responses", "vectors"], "limit": 100},
        ).raise_for_status()
    records = [item["record"] for item in answer.json()["items"]]
    assert {record["id"] for record in records} == tasks.keys()
    for record in records:
        assert record["suggestions"] == []
        assert record["metadata"].keys() <= {"significance", "points", "language"}
        assert record["external_id"] == tasks[record["id"]].task.id
        assert record["fields"].keys() - {"task"} == set(_field_names(tasks[record["id"]].texts))
        roles = {
            turn["role"] for field in record["fields"].values() if isinstance(field, list) for turn in field
        }
        assert {role.partition(",")[0] for role in roles} <= {"Person", "Model", "Tool"}


def _field_names(texts: dict[str, list[str]]) -> list[str]:
    names = {"Conversation so far": "conversation", "Response to judge": "response"}
    return [names.get(title, title.lower().replace(" ", "_")) for title in texts]


SIDES = """
() => [...document.querySelectorAll(".chat__item")].map(item => {
  const turn = item.querySelector(".cfw-turn"), all = item.parentElement.getBoundingClientRect();
  const bubble = item.querySelector(".chat__bubble").getBoundingClientRect();
  const who = ["beside", "person", "model"].find(it => turn.classList.contains(`cfw-${it}`)) ?? "other";
  return [who, bubble.left - all.left < 1, all.right - bubble.right < 1, turn.dir];
})
"""
"""Who speaks in each bubble, whether it begins on the left and ends on the right, and its direction."""


SIDES_OF = {
    "person": {(False, True)},
    "model": {(True, False)},
    "beside": {(True, False), (True, True)},  # a long answer takes its whole column
}


def _assert_sides_and_points(page: Page) -> None:
    """Prove that people stand right and models left in any conversation, and that the points stay in sight."""
    wide = page.viewport_size
    assert wide is not None
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 768})
        for who, left, right, direction in page.evaluate(SIDES):
            assert direction == "auto"
            assert (left, right) in SIDES_OF.get(who, {(True, True)})
        answers = page.locator(".fields > div:has(.cfw-beside)").all()[:2]
        for _ in range(50):  # the page is laid out anew some time after its width changed
            tops = {round(defined(answer.bounding_box())["y"]) for answer in answers}
            if len(tops) <= 1:
                break
            page.wait_for_timeout(100 if width > 1000 else 0)
        assert len(tops) <= (1 if width > 1000 else 2)  # side by side where there is room
        if width > 1000 and not answers:
            expect(page.get_by_role("button", name="Submit")).to_be_in_viewport(ratio=0.9)
        bubbles(page).last.evaluate("it => it.scrollIntoView({block: 'end'})")
        expect(page.locator(".fields p").first).to_be_in_viewport(ratio=0.9)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(wide)


def test_every_requested_kind_is_answered_in_a_browser_and_read_back(
    argilla_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = argilla_bench.annotators.pop()
    at = visit(argilla_bench.url)
    page = at.page
    enter(at, email, password)
    wanted = {}
    for kind, tasks in argilla_bench.requested():
        page.goto(at.url)
        open_dataset(at, tasks)
        answers = first_answers(kind)
        for question in kind.questions:
            if isinstance(question, RankingQuestion):
                for option, place in question.places_of(answers[question.name]).items():
                    _put(page, option, place)
            elif isinstance(question, ChoiceQuestion | MultipleChoiceQuestion):
                for option in answers[question.name].split(","):
                    page.locator(f'label[for="{question.name}_{option}"]').click()
            else:
                page.get_by_label(f"Question: {question.name}").locator(
                    "[contenteditable=true], textarea"
                ).click()
                page.keyboard.type(answers[question.name])
        at.shot(f"answered-{kind.container}")
        wanted[tasks[record_shown(page)].task.id] = answers
        press(page, "Submit")
    assert len(wanted) >= 3
    assert argilla_bench.answers_of(email) == wanted
    at.assert_no_harm()


SMUGGLED = f"""
() => document.body.insertAdjacentHTML("beforeend",
  `<img src="/nowhere.png" onerror="{CANARY} = 99"><img src="https://tracker.example/{LOADED}.png">`)
"""
"""Puts into the page what no text gets into it."""


def _assert_that_the_policy_holds(at: Visit) -> None:
    """Prove that a text that got past everything else would still run nothing and load nothing."""
    with at.page.expect_console_message(lambda message: "Loading the image" in message.text):
        at.page.evaluate(SMUGGLED)
    assert at.page.evaluate(f"typeof {CANARY}") == "undefined"
    assert {text.partition(" violates")[0].partition(" '")[0] for text in at.violations} == {
        "Executing inline event handler",
        "Loading the image",
    }


def test_hostile_text_shows_as_it_was_typed_and_rendered_and_does_nothing(
    argilla_bench: Bench, visit: Callable[..., Visit]
) -> None:
    email, password = argilla_bench.annotators.pop()
    at = visit(argilla_bench.url)
    page = at.page
    enter(at, email, password)
    looked: set[tuple[str, Display]] = set()
    for kind, tasks in argilla_bench.forms():
        open_dataset(at, tasks)
        seen: dict[str, dict[str, list[Shown]]] = {}
        wanted = {(kind.name, placed.display) for placed in tasks.values()}
        while wanted - looked:
            expect(page.get_by_label("Current Record")).to_have_text(str(len(seen) + 1))
            expect(page.locator(".chat__wrapper").first).not_to_have_id(re.compile("|".join(seen) or "$^"))
            placed = tasks[record_shown(page)]
            seen[record_shown(page)] = fields_shown(page)
            if (kind.name, placed.display) not in looked:
                _assert_sides_and_points(page)
                looked.add((kind.name, placed.display))
                at.shot(f"hostile-{kind.container}-{placed.display}")
            if wanted - looked:
                page.get_by_role("button", name="Next").click()
        assert seen == {record_id: tasks[record_id].shown for record_id in seen}
    assert looked == set(product(PLACED, Display))
    at.assert_no_harm()
    _assert_that_the_policy_holds(at)
