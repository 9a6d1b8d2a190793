"""The ranking task: three to five responses to one prompt in order, ties allowed.

Source: Ouyang et al. (2022), InstructGPT, arXiv 2203.02155, section 3.5: from 4 to 9 responses at a time.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind
from task_generators.groups import each_group
from workspaces.kinds import ChatField, PaidPart, RankingQuestion, read_guidelines

FEWEST, MOST = 3, 5
_NAMES = "ABCDE"[:MOST]

KIND = GeneratedKind(
    name="ranking",
    title="Put answers in order",
    responses=MOST,
    fewest=FEWEST,
    fields=(
        ChatField("conversation", "Conversation so far"),
        *(
            ChatField(f"answer_{name.lower()}", f"Answer {name}", response=place)
            for place, name in enumerate(_NAMES)
        ),
    ),
    side_by_side=tuple(f"answer_{name.lower()}" for name in _NAMES),
    questions=(
        RankingQuestion(
            "ranking",
            "Which place does each answer take?",
            "1 is the best. Answers that are equally good share a place.",
            {name.lower(): f"Answer {name}" for name in _NAMES},
            least=FEWEST,
        ),
    ),
    parts=(
        PaidPart(
            "ranking",
            ("ranking",),
            points=8,
            offer="your ranking",
            description="a ranking of three to five answers",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_group(FEWEST, MOST),
)
