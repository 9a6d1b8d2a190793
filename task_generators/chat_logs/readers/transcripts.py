r"""Prompts of several turns that are kept as one string.

Known are the transcripts of HH-RLHF (``\n\nHuman: ...\n\nAssistant:``), those of HelpSteer (``<extra_id_1>User``), and
the strings of our own exports (``user: ...\n\nassistant:``).
"""

from __future__ import annotations

import itertools
import re

from task_generators.chat_logs.readers.turns import ROLES
from workspaces.records import Role

_OURS = re.compile(r"(?:\A|\n\n)(system|user|assistant|tool):(?: |\Z)")
_HUMAN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
_EXTRA_ID = re.compile(r"\s*<extra_id_1>(User|Assistant|System)\n")


def turns_in(prompt: str) -> list[dict[str, str]]:
    """Return the turns of a prompt: those of a transcript that ends where the model answers, else the prompt alone."""
    if "<extra_id_1>" in prompt:
        first, *rest = _EXTRA_ID.split(prompt)
        if len(rest) > 1:
            heads, texts = rest[::2], rest[1::2]
            turns = [_turn(word, text) for word, text in zip(heads, texts, strict=True)]
            turns = [_turn("user", first), *turns] if first.strip() else turns
            return turns[:-1] if turns[-1] == _turn("assistant", "") else turns
    for pattern, end, strip in ((_OURS, "\n\nassistant:", False), (_HUMAN, "Assistant:", True)):
        starts = list(pattern.finditer(prompt))
        if len(starts) < 2 or starts[0].start() != 0 or not prompt.rstrip().endswith(end):
            continue
        turns = []
        for start, following in itertools.pairwise(starts):
            text = prompt[start.end() : following.start()]
            turns.append(_turn(start[1], text.strip() if strip else text))
        return turns
    return [_turn("user", prompt)]


def _turn(word: str, text: str) -> dict[str, str]:
    return {"role": ROLES.get(word.lower(), Role.USER), "content": text}
