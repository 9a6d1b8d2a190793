"""The rating: thumbs, scores and labels imported with a chat log. No platform asks for it."""

from __future__ import annotations

from workspaces.kinds import Kind, LabelRule, ScoreQuestion

KIND = Kind(
    name="rating",
    title="Rating of a chat log",
    questions=(
        ScoreQuestion(
            "thumb",
            words={"down": 0.0, "up": 1.0},
            label=LabelRule(wanted="up", unwanted="down"),
        ),
    ),
    any_question=ScoreQuestion("", words={"down": 0.0, "up": 1.0}),
    imported=True,
)
