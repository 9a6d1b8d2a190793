"""``rubric``: criteria that people check responses against."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, say
from workspaces.grammar import counted
from workspaces.workspace import CONFIG_NAME, Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Criteria that people check responses against.")
    group.command()(propose)
    app.add_typer(group, name="rubric")


def propose(
    name: Annotated[str, typer.Argument(help="The name of the rubric, such as tutoring.")],
    about: Annotated[
        str,
        typer.Option("--about", help="What a good response is here, in your words.", metavar="TEXT"),
    ],
    criteria: Annotated[int, typer.Option("--criteria", min=1, max=20, help="How many criteria.")] = 6,
    prompts: Annotated[
        int, typer.Option("--prompts", min=0, max=100, help="The most prompts that the LLM sees.")
    ] = 12,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask the configured LLM for the criteria of a rubric, and print them for you to edit.

    They are in no use until you put them into the configuration. The LLM sees your words and the first prompts of some
    shared conversations. Example: **chatfeedback rubric propose tutoring --about homework-help**
    """
    with Workspace.open(workspace) as opened:
        proposed = steps.propose_rubric(opened, name, about=about, criteria=criteria, prompts=prompts)
    if as_json:
        emit_json(asdict(proposed) | {"text": proposed.text})
        return
    say(proposed.text.rstrip())
    note(
        f"{counted(len(proposed.criteria), 'criterion')} by {proposed.agent}, which saw "
        f"{counted(proposed.prompts, 'prompt')}: read and edit them, a wrong criterion is paid like a right one"
    )
    hint(f"put them into {CONFIG_NAME}, name rubric_{name} under mix.kinds, and run 'chatfeedback generate'")
