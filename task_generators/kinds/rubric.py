"""The rubric task: whether one response meets the criteria that the lead wrote.

Each rubric of the configuration (``rubrics``) is a kind of its own, ``rubric_NAME``, made of this one.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_response
from workspaces.kinds import ChatField, PaidPart, read_guidelines

KIND = GeneratedKind(
    name="rubric",
    title="Check a response against criteria",
    by_rubric=True,
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("response", "Response to judge", response=0),
    ),
    parts=(
        PaidPart(
            "rubric",
            (),
            points=1,
            offer="each criterion",
            description="each criterion of a rubric",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_response,
)
