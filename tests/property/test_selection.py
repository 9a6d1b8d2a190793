"""What holds for the selection of any conversations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from task_generators.chat_logs.batches import Batch, batch_of
from task_generators.chat_logs.curation import tag
from task_generators.chat_logs.readers import Reading
from task_generators.select import Known, Selection, Selector
from tests.examples import examples
from workspaces.config import SelectConfig
from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from random import Random

    from pydantic import JsonValue

PROMPTS = ("Tell me a joke, please!", "Write a poem about rain", "hi")
ANSWERS = ("With flour, yeast, water, salt.", "", "I am Claude, an AI.", "I'm sorry, but I can't help you.")
LABELS: tuple[dict[str, JsonValue], ...] = (
    {"flagged": False},
    {"flagged": False},
    {"flagged": True, "categories": ["hate"]},
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Conversation]:
    """Return trees that say much the same, some of them flagged; one prompt is sent again and again."""
    found = []
    for number in range(draw(st.integers(0, 14))):
        name = f"c{number}"
        messages = [Message(f"{name}#0", None, Role.USER, draw(st.sampled_from(PROMPTS)))]
        for at in range(1, draw(st.integers(1, 5)) + 1):
            parent = messages[draw(st.integers(0, at - 1))]
            role, texts = (Role.USER, PROMPTS) if parent.role is Role.ASSISTANT else (Role.ASSISTANT, ANSWERS)
            messages.append(Message(f"{name}#{at}", parent.id, role, draw(st.sampled_from(texts))))
        said: dict[str, JsonValue] = {
            "toxic": draw(st.integers(0, 7)) == 0,
            "openai_moderation": [draw(st.sampled_from(LABELS)) for _ in messages],
        }
        model = draw(st.sampled_from([None, "m", "n"]))
        found.append(
            Conversation(name, tuple(messages), source="s", model_name=model, conversation_metadata=said)
        )
    repeated = [
        Conversation(
            f"r{number}",
            (
                Message(f"r{number}#0", None, Role.USER, "What time is it, please?"),
                Message(f"r{number}#1", f"r{number}#0", Role.ASSISTANT, f"It is {number} o'clock."),
            ),
            source="s",
        )
        for number in range(draw(st.sampled_from([0, 30])))
    ]
    return found + repeated


RULES = st.builds(
    SelectConfig,
    skip_flags=st.lists(st.sampled_from(["toxic", "moderation", "empty", "trivial", "refusal"]), unique=True),
    near_duplicates=st.sampled_from(["one", "all"]),
    repeated_prompts=st.sampled_from([None, 0.5, 0.9999]),
)


def select(logs: list[Conversation], rules: SelectConfig, known: Known, size: int = 100) -> Selection:
    """Return the selection of logs that come in batches of a size."""
    selector = Selector(rules, known)
    for start in range(0, len(logs), size):
        readings = [Reading(each) for each in logs[start : start + size]]
        selector.look(tag(Batch(batch_of(range(len(readings)), readings))).rows)
    return selector.selection()


def flagged_messages(log: Conversation) -> set[str]:
    """Return the ids of the messages that their source's moderation flagged."""
    labels = log.conversation_metadata.get("openai_moderation", [{}] * len(log.messages))
    assert isinstance(labels, list)
    messages = zip(log.messages, labels, strict=True)
    return {message.id for message, label in messages if isinstance(label, dict) and label.get("flagged")}


@examples(60)
@given(conversations(), RULES, st.integers(1, 4), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_selection_depends_on_no_order_shows_nothing_flagged_and_stays(
    logs: list[Conversation], rules: SelectConfig, groups: int, size: int, random: Random
) -> None:
    known = Known(groups={each.id: f"g{index % groups}" for index, each in enumerate(logs) if index % 3})
    found = select(logs, rules, known)
    shuffled = list(logs)
    random.shuffle(shuffled)
    other = select(shuffled, rules, known, size)
    assert other == found

    taken = [each for each in logs if each.id not in found.omissions]
    for log in taken:
        shown = {message.id for message in found.shown(log).messages}
        answers = [message for message in log.responses() if message.id in shown]
        assert answers or not log.responses()
        for message in answers:
            assert shown.issuperset(each.id for each in log.path_to(message.id))
            assert message.content.strip() or "empty" not in rules.skip_flags
        if "moderation" in rules.skip_flags:
            assert not shown & flagged_messages(log)
    if rules.near_duplicates == "one":
        members = [(known.groups[it.id], it.model_name) for it in taken if it.id in known.groups]
        assert len(members) == len(set(members))

    # generate made tasks of some of what was taken: the next selection is the same
    in_use = {each.id for each in taken if random.random() < 0.5}
    assert select(logs, rules, replace(known, in_use=in_use)) == found
