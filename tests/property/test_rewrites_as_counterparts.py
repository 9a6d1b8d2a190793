"""Accepted rewrites as counterparts: what holds of every draw, and that nobody judges a text that they wrote."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from task_generators.asked import Asked
from task_generators.candidates import candidates
from tests.examples import examples
from tests.sample_records import NOW, seeds_of, task
from workspaces.records import AnnotationStatus, Conversation, Message, Role, Task, shown_hash
from workspaces.store import Store
from workspaces.store.annotations import AnnotationRevision, content_hash, save_revisions
from workspaces.store.own_answers import same_people, save_link
from workspaces.store.rewrites import note_rewrites, own_checks, rewrite_id_of
from workspaces.store.tables import metadata
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from task_generators.candidates import TaskCandidate

KINDS = ("preference", "preference_strength", "ranking")
PEOPLE = ("ann", "bob", "cat", "dee")
WORDS = st.sampled_from(["six", "eight", "eight ", "eight\n", "none", "ten", "two \nlegs", "two\nlegs"])


@dataclass(frozen=True)
class World:
    """Conversations of two prompts, and who wrote what instead of which response."""

    conversations: tuple[Conversation, ...]
    wrote: tuple[tuple[str, str, str], ...]

    def shown(self) -> list[Conversation]:
        """The conversations with every rewrite beside the response that it replaces."""
        return [replace(it, messages=(*it.messages, *self._rewrites(it))) for it in self.conversations]

    def _rewrites(self, conversation: Conversation) -> list[Message]:
        added = {}
        for _, about, text in self.wrote:
            for it in conversation.messages:
                if it.id == about and shown_hash(it.content) != shown_hash(text):
                    name = rewrite_id_of(about, text)
                    added[name] = replace(
                        it, id=name, content=text.strip(), model_name=None, rewrite_of=about
                    )
        return list(added.values())


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return up to five conversations with up to three responses each, and up to six rewrites."""
    conversations = []
    for number in range(draw(st.integers(1, 5))):
        root = Message(f"{number}#0", None, Role.USER, draw(st.sampled_from(["How many?", "Why?"])))
        texts = draw(st.lists(WORDS, min_size=1, max_size=3))
        replies = [
            Message(f"{number}#{place}", root.id, Role.ASSISTANT, text, f"m{place}")
            for place, text in enumerate(texts, start=1)
        ]
        conversations.append(Conversation(str(number), (root, *replies), source="any", model_name="m"))
    responses = [it.id for each in conversations for it in each.responses()]
    wrote = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(responses), WORDS)
    return World(tuple(conversations), tuple(draw(st.lists(wrote, max_size=6))))


def found(conversations: Sequence[Conversation], kinds: Sequence[str] = KINDS) -> list[TaskCandidate]:
    seeds = seeds_of(conversations)
    logged = {name: seed for name, seed in seeds.items() if "#" in name}
    return list(candidates(kinds, conversations, logged))


@given(worlds(), st.randoms(use_true_random=False))
@examples(150)
def test_rewrites_add_comparisons_and_change_none(world: World, random: object) -> None:
    plain, drawn = found(world.conversations), found(world.shown())
    pairs = {it.id: it for it in drawn if it.kind != "ranking"}
    texts = {it.id: shown_hash(it.content) for each in world.shown() for it in each.messages}
    replaced = {
        it.id: it.rewrite_of for each in world.shown() for it in each.messages if it.rewrite_of is not None
    }
    assert {it.id for it in plain if it.kind != "ranking"} <= pairs.keys()
    for it in drawn:
        shown = [name for name in it.message_ids if name in replaced]
        others = [name for name in it.message_ids if name not in replaced]
        assert set(shown) == set(it.rewrites) & set(it.message_ids)
        assert {texts[name] for name in it.rewrites} == {texts[name] for name in shown}
        assert len({texts[name] for name in it.message_ids}) == len(it.message_ids)
        if it.kind != "ranking" and it.id not in {each.id for each in plain}:
            assert len(shown) == len(others) == 1
        for name in shown:
            same = {replaced[each] for each in it.rewrites if texts[each] == texts[name]}
            assert {texts[other] for other in others} - {texts[other] for other in same}
    assert len({it.id for it in drawn}) == len(drawn)
    if not replaced:
        assert drawn == plain
    turned = found(world.shown()[::-1])
    assert sorted(turned, key=lambda it: it.id) == sorted(drawn, key=lambda it: it.id)
    asked = Asked(_task(it) for it in drawn)
    assert [it for it in drawn if asked.rest(it) is not None] == []


@given(worlds(), st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=2))
@examples(40)
def test_nobody_judges_a_text_that_they_or_whom_they_are_linked_with_wrote(
    world: World, links: list[tuple[str, str]]
) -> None:
    drawn = [_task(it) for it in found(world.shown(), (*KINDS, "suggestion_check"))]
    asked = {
        about: replace(task(f"w{about}", {}, kind="suggestion"), message_ids=(about,))
        for _, about, _ in world.wrote
    }
    rows = [
        AnnotationRevision(
            annotation_id=f"{person}/{about}/{number}", revision=1, task_id=f"w{about}", person_id=person,
            platform="argilla", response_id=f"{person}/{number}", status=AnnotationStatus.SUBMITTED,
            answers={"rewrite": text}, content_hash=content_hash(AnnotationStatus.SUBMITTED, {"rewrite": text}),
            updated_at=NOW, synced_at=NOW,
        )
        for number, (person, about, text) in enumerate(world.wrote)
    ]  # fmt: skip
    texts = {it.id: shown_hash(it.content) for each in world.shown() for it in each.messages if it.rewrite_of}
    store = Store("sqlite://")
    with store.write() as connection:
        metadata.create_all(connection)
        save_tasks(connection, [*asked.values(), *drawn])
        save_revisions(connection, rows)
        note_rewrites(connection)
        for person, giver in links:
            save_link(connection, person, giver, NOW)
        same = same_people(connection)
        kept = own_checks(connection, {it.id: it for it in drawn})
    store.close()
    for it in drawn:
        shown = {texts[name] for name in it.message_ids if name in texts}
        assert shown or it.kind != "suggestion_check"
        writers = {person for person, _, text in world.wrote if shown_hash(text) in shown}
        everybody = {other for person in writers for other in same.get(person, (person,))}
        assert {person for person, task_id in kept if task_id == it.id} == everybody


def _task(it: TaskCandidate) -> Task:
    return replace(
        task(it.id, {}, kind=it.kind),
        message_ids=it.message_ids,
        conversation_ids=it.conversation_ids,
        rewrites=it.rewrites,
    )
