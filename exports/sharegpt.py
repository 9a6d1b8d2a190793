"""Conversations as LLaMA-Factory's ``sharegpt`` format reads them, and the declaration of their files.

Source: LLaMA-Factory 0.9.5, ``data/README.md``, ``SharegptDatasetConverter``, ``FunctionFormatter``, ``ToolFormatter``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exports.columns import function_of, tools
from exports.context import TOOL_CALLS, TOOLS, held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from exports.context import Prompt

USE = (
    "`llamafactory-cli train` reads this folder with `dataset_dir` and the datasets `chatfeedback_train` and "
    "`chatfeedback_test`. It accepts alternating turns alone, and calls of tools without a text beside them; other "
    "rows are in `omissions`. A call is a turn of `function_call`, `tools` is JSON text."
)
"""How the format is used, for the card."""


def turns(prompt: Prompt) -> list[JsonValue]:
    """Return a prompt as turns; one that calls tools holds the calls as JSON."""
    return [_turn(role, content, held(further)) for role, content, *further in prompt]


def tools_text(prompt: Prompt) -> str:
    """Return the tools that a model could call as JSON text; empty where the log names none."""
    return "".join(json.dumps(it, ensure_ascii=False) for it in tools(prompt).values())


def is_readable(prompt: Prompt) -> bool:
    """Return whether calls and tools are read whole: there is no place for a text beside a call."""
    spoken = any(content.strip() and TOOL_CALLS in held(further) for _, content, *further in prompt)
    named = tools(prompt).get(TOOLS, [])
    return not spoken and isinstance(named, list) and all(map(_is_definition, named))


def dataset_info(
    paths: Mapping[str, str], columns: Mapping[str, str], further: Mapping[str, JsonValue]
) -> dict[str, str]:
    """Return ``dataset_info.json``, which declares the files.

    Args:
        paths: of the files, by split.
        columns: the names of the columns by what they are to the format.
        further: other keys of each declaration.
    """
    declared = {
        f"chatfeedback_{split}": {
            "file_name": path,
            **further,
            "formatting": "sharegpt",
            "columns": {**columns},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "observation_tag": "tool",
                "function_tag": "function_call",
                "system_tag": "system",
            },
        }
        for split, path in paths.items()
    }
    return {"dataset_info.json": json.dumps(declared, indent=2) + "\n"}


def _turn(role: str, content: str, further: Mapping[str, JsonValue]) -> JsonValue:
    calls = further.get(TOOL_CALLS)
    if not isinstance(calls, list):
        return {"role": role, "content": content}
    functions = [function_of(call) for call in calls if isinstance(call, dict)]
    return {"role": "function_call", "content": json.dumps(functions, ensure_ascii=False)}


def _is_definition(tool: JsonValue) -> bool:
    """Return whether the tool formatter reads a definition, which it does not check."""
    function = tool.get("function", tool) if isinstance(tool, dict) else None
    parameters = function.get("parameters") if isinstance(function, dict) else None
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    return (
        isinstance(function, dict)
        and "name" in function
        and isinstance(properties, dict)
        and all(isinstance(value, dict) for value in properties.values())
    )
