"""Collects the candidates of a collection: those about chains from their outlines, all others by reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from task_generators.blocks import Blocks
from task_generators.candidates import Reads, candidates, reads_of
from workspaces.chunks import in_chunks
from workspaces.keys import keys_of
from workspaces.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from chatfeedback.steps.outcomes import Seen
    from chatfeedback.steps.rewrites import Rewrites
    from chatfeedback.steps.survey import Survey
    from task_generators.asked import Asked
    from task_generators.blocks import Block
    from task_generators.mix import Pool
    from workspaces.collection import Collection
    from workspaces.records import Conversation
    from workspaces.store.seed_index import Seeds

READ_AT_ONCE = 500
"""Conversations in memory at a time."""


class Collector:
    """Adds every candidate to the pools of the mixes that take it, and notes what was seen.

    A chain of which no task exists is never read: its outline tells what the kinds find in it. All else is read and
    shown to the finders of the kinds, which find the same in a chain.
    """

    def __init__(
        self,
        survey: Survey,
        kinds: Sequence[str],
        seeds: Seeds,
        rewrites: Rewrites,
        asked: Asked,
        pools: Mapping[str, Pool],
        seen: Seen,
        *,
        trivial: bool,
    ) -> None:
        """Args: ``trivial``: whether any mix wants trivial candidates."""
        self._survey = survey
        self._kinds = kinds
        self._seeds = seeds
        self._rewrites = rewrites
        self._asked = asked
        self._pools = pools
        self._seen = seen
        self._trivial = trivial
        self._rewritten = keys_of(rewrites.accepted_of)
        self._chains: dict[str, NDArray[np.bool_]] = {}
        self._reads: dict[str, NDArray[np.bool_]] = {}
        plain = survey.outlines.chains & ~self._touched()
        for selection in (survey.selections.usual, *survey.selections.opened.values()):
            plain[survey.index.places_of(selection.withheld)] = False
        for kind in kinds:
            self._chains[kind], self._reads[kind] = self._divided(kind, plain)

    def collect(self, collection: Collection) -> None:
        """Collect all candidates; the ``collection`` is read where outlines do not tell."""
        blocks = Blocks(self._survey.outlines, trivial=self._trivial)
        for kind in self._kinds:
            block = blocks.of(kind, self._chains[kind])
            if block is not None:
                self._add_block(block)
        places = {name: place for place, name in enumerate(self._pools)}
        read = self._read(collection)
        for candidate in candidates(self._kinds, read, self._seeds, trivial=self._trivial, shown=self._shown):
            traits = self._survey.facts.of(candidate)
            rest, last = self._asked.rest(candidate), -1
            for name, pool in self._pools.items():
                if rest is not None and name in traits.mixes and pool.add(rest, traits):
                    last = places[name]
            self._seen.candidate(candidate, traits, last)

    def _touched(self) -> NDArray[np.bool_]:
        """Return the conversations in which messages have tasks, or rewrites stand."""
        outlines, index = self._survey.outlines, self._survey.index
        touched = outlines.any_of(np.isin(outlines.keys, keys_of(self._asked.message_ids)))
        touched[index.places_of(self._asked.conversation_ids)] = True
        touched[index.places_of(self._rewrites.by_conversation)] = True
        return touched

    def _divided(self, kind: str, plain: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return of which chains outlines tell what a kind finds, and which conversations it must be shown."""
        outlines, index = self._survey.outlines, self._survey.index
        taken = self._survey.selections.of(kind).taken.mask & self._survey.facts.taken()
        chains = plain & taken
        reads = reads_of(kind)
        if reads is Reads.NO_CHAINS:
            return chains, taken & ~chains
        if reads is Reads.SHARED_PROMPTS:
            return chains, outlines.sharing_a_prompt(taken, self._rewritten)
        if reads is Reads.REWRITTEN:
            rewritten = np.zeros(len(taken), np.bool_)
            rewritten[index.places_of(self._rewrites.by_conversation)] = True
            return chains, taken & rewritten
        return chains, taken

    def _add_block(self, block: Block) -> None:
        rows = block.rows
        traits, which = self._survey.facts.of_rows(rows)
        weighed = {
            name: pool.weighs(block) & np.array([name in it.mixes for it in traits], np.bool_)[which]
            for name, pool in self._pools.items()
        }
        chosen = np.flatnonzero(np.logical_or.reduce(list(weighed.values())))
        if self._asked.task_ids and not block.separate:
            ids = list(block.ids(chosen))
            known = np.isin(keys_of(ids), keys_of(self._asked.task_ids))
            chosen = chosen[~known]
        logs = block.unit_logs(chosen)
        mixes = np.full(len(block), -1, np.int16)
        for place, (name, pool) in enumerate(self._pools.items()):
            inside = weighed[name][chosen]
            some = chosen[inside]
            pool.add_block(block, some, logs[inside], traits, which[some])
            mixes[some] = place
        taken = np.array([bool(it.mixes) for it in traits], np.bool_)[which]
        self._seen.block(rows, taken, mixes)

    def _read(self, collection: Collection) -> Iterator[Conversation]:
        """Yield the conversations that some finder must be shown, their seed feedback at hand."""
        wanted = np.logical_or.reduce(list(self._reads.values()))
        if not wanted.any():
            return
        names = self._survey.outlines.taken(wanted)
        for some in in_chunks(collection.scan_some(names), READ_AT_ONCE):
            self._seeds.load(it.id for conversation in some for it in conversation.responses())
            yield from some

    def _shown(self, kind: str, conversation: Conversation) -> Conversation | None:
        if not self._reads[kind][self._survey.index.place(conversation.id)]:
            return None
        view = self._survey.selections.shown(kind, conversation)
        if view is not None and kind_of(kind).judges_rewrites:
            return self._rewrites.shown(view)
        if view is not None and reads_of(kind) is Reads.SHARED_PROMPTS:
            return self._rewrites.shown(view, accepted=True)
        return view
