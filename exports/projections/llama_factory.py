"""Preference pairs as LLaMA-Factory reads them, with the ``dataset_info.json`` that declares them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exports.columns import MESSAGE, MESSAGES, TEXT, function_of, tools
from exports.context import TOOL_CALLS, TOOLS, held
from exports.measurements import measure_pairs
from exports.omissions import OmissionReason
from exports.pair_tables import METHOD, SURE, beside_pairs
from exports.projection import Projection, TableSpec
from exports.selections import alternates, is_decided, pairs_where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from exports.columns import Columns, Row
    from exports.context import Prompt
    from exports.pairs import PreferencePair

NAME = "llama-factory"
COLUMNS: Columns = {"conversations": MESSAGES, "chosen": MESSAGE, "rejected": MESSAGE, "tools": TEXT}
USE = (
    "`llamafactory-cli train` reads this folder with `dataset_dir` and the datasets `chatfeedback_train` and "
    "`chatfeedback_test`. It accepts alternating turns alone, and calls of tools without a text beside them; other "
    "pairs are in `omissions`. A call is a turn of `function_call`, `tools` is JSON text."
)


def _rows(pair: PreferencePair) -> list[Row]:
    return [
        {
            "conversations": [_turn(role, content, held(further)) for role, content, *further in pair.prompt],
            "chosen": {"role": "assistant", "content": pair.chosen.text},
            "rejected": {"role": "assistant", "content": pair.rejected.text},
            "tools": "".join(json.dumps(it, ensure_ascii=False) for it in tools(pair.prompt).values()),
        }
    ]


def _turn(role: str, content: str, further: Mapping[str, JsonValue]) -> JsonValue:
    """Return a message; one that calls tools holds the calls as JSON. Source: its ``FunctionFormatter``."""
    calls = further.get(TOOL_CALLS)
    if not isinstance(calls, list):
        return {"role": role, "content": content}
    functions = [function_of(call) for call in calls if isinstance(call, dict)]
    return {"role": "function_call", "content": json.dumps(functions, ensure_ascii=False)}


def _is_readable(prompt: Prompt) -> bool:
    """Return whether LLaMA-Factory reads calls and tools whole: it has no place for a text beside a call."""
    spoken = any(content.strip() and TOOL_CALLS in held(further) for _, content, *further in prompt)
    named = tools(prompt).get(TOOLS, [])
    return not spoken and isinstance(named, list) and all(map(_is_definition, named))


def _is_definition(tool: JsonValue) -> bool:
    """Return whether its ``ToolFormatter`` reads a definition, which it does not check."""
    function = tool.get("function", tool) if isinstance(tool, dict) else None
    parameters = function.get("parameters") if isinstance(function, dict) else None
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    return (
        isinstance(function, dict)
        and "name" in function
        and isinstance(properties, dict)
        and all(isinstance(value, dict) for value in properties.values())
    )


def _dataset_info(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the declaration of the datasets. Source: LLaMA-Factory 0.9.5, ``data/README.md``."""
    declared = {
        f"chatfeedback_{split}": {
            "file_name": path,
            "ranking": True,
            "formatting": "sharegpt",
            "columns": {
                "messages": "conversations",
                "chosen": "chosen",
                "rejected": "rejected",
                "tools": "tools",
            },
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
        for split, path in paths[NAME].items()
    }
    return {"dataset_info.json": json.dumps(declared, indent=2) + "\n"}


PROJECTION = Projection(
    name=NAME,
    help="Preference pairs for LLaMA-Factory, with dataset_info.json.",
    title="Human preference pairs for LLaMA-Factory",
    trainer="LLaMA-Factory's DPO and reward model",
    method=METHOD,
    limits=(SURE, USE),
    tables=(TableSpec(NAME, "pairs to train on", COLUMNS, _rows, accepts=is_decided), *beside_pairs()),
    select=pairs_where(_is_readable, select=pairs_where(alternates, OmissionReason.NOT_ALTERNATING)),
    measure=measure_pairs,
    files=_dataset_info,
)
