"""The order of rows for a trainer that reads its file in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Mapping


def spread(prompts: Mapping[str, str]) -> list[str]:
    """Return row ids in a deterministic shuffled order in which rows of one prompt are not adjacent.

    The rows of a prompt are spread evenly over the file; the hash of the prompt gives the first position. A prompt
    with more than half of the remaining rows comes first, so rows of one prompt are adjacent only if no order
    avoids it.

    Args:
        prompts: the prompt of every row, by row id.
    """
    size = Counter(prompts.values())
    queues: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row_id in sorted(prompts, key=lambda row_id: stable_id("order", row_id)):
        prompt = prompts[row_id]
        start = int(stable_id("start", prompt), 16) / 16**24
        queues[prompt].append(((len(queues[prompt]) + start) / size[prompt], row_id))
    for queue in queues.values():
        queue.reverse()
    # both heaps keep outdated entries; one is current if it agrees with its queue
    heads = [(*queue[-1], prompt) for prompt, queue in queues.items()]
    counts = [(-len(queue), prompt) for prompt, queue in queues.items()]
    heapify(heads)
    heapify(counts)

    order: list[str] = []
    previous = None
    while len(order) < len(prompts):
        while len(queues[counts[0][1]]) != -counts[0][0]:
            heappop(counts)
        prompt = counts[0][1]
        if 2 * len(queues[prompt]) <= len(prompts) - len(order) or prompt == previous:
            prompt = _next_prompt(heads, queues, previous)
        order.append(queues[prompt].pop()[1])
        previous = prompt
        if queues[prompt]:
            heappush(heads, (*queues[prompt][-1], prompt))
            heappush(counts, (-len(queues[prompt]), prompt))
    return order


def _next_prompt(
    heads: list[tuple[float, str, str]], queues: Mapping[str, list[tuple[float, str]]], previous: str | None
) -> str:
    """Return the prompt whose next row is due first, if possible not the previous prompt."""
    held = None
    while heads:
        head = heads[0]
        if not queues[head[2]] or queues[head[2]][-1] != head[:2]:
            heappop(heads)
        elif head[2] == previous and held is None:
            held = heappop(heads)
        else:
            break
    next_prompt = heads[0][2] if heads else previous
    if held is not None:
        heappush(heads, held)
    assert next_prompt is not None
    return next_prompt
