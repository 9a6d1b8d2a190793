"""Values of a turn are lost one by one, even where another value at the same path is kept."""

from __future__ import annotations

from task_generators.chat_logs import readers


def test_a_value_that_is_lost_is_counted_although_another_at_its_path_is_kept() -> None:
    def called(call_id: object) -> dict[str, object]:
        return {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [{"id": call_id, "function": {"name": "look_up", "arguments": "{}"}}],
        }

    reader = readers.named("openai")
    for ids in (["c1", 2.5], [2.5, "c1"]):
        row = {"messages": [{"role": "user", "content": "Look"}, *map(called, ids)]}
        losses = reader.losses(row, reader.read(row))
        assert [(loss.path, loss.value) for loss in losses] == [("messages[].tool_calls[].id", 2.5)]
