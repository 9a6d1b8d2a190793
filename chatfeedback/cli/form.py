"""``people form``: a person's voluntary answers to the demographic form."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.privacy.demographic_form import DemographicQuestion


def form(
    person: Annotated[
        str | None, typer.Argument(help="A pseudonym, or the person's e-mail address or user name.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A filled-in form; without it, you are asked.")
    ] = None,
    template: Annotated[bool, typer.Option("--template", help="Print an empty form to fill in.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Delete the person's answers.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Keep a person's voluntary answers about themselves, encrypted; or delete them.

    Nobody has to answer, any question may be left open, and no command ever prints one person's answers.
    Example: **chatfeedback people form ada@example.org --file answers.yaml**
    """
    from workspaces.privacy.demographic_form import (
        UNDISCLOSED,
        demographic_questions,
        form_template,
        read_form,
    )

    with Workspace.open(workspace) as opened:
        questions = demographic_questions(opened.config.demographics)
        if template:
            emit_json({"form": form_template(questions)}) if as_json else sys.stdout.write(
                form_template(questions)
            )
            return
        if person is None:
            raise UsageError("whose form? Give a person, or --template for an empty form")
        if withdraw and file is not None:
            raise UsageError("--withdraw deletes the answers and --file replaces them: give one of the two")
        person_id = steps.find_person(opened, person)
        if withdraw:
            with opened.exclusive():
                withdrawn = opened.demographics.withdraw(person_id)
            message = "The answers are deleted." if withdrawn else "There were no answers to delete."
            emit_json({"withdrawn": withdrawn}) if as_json else say(message)
            return
        if file is None and as_json:
            raise UsageError("with --json nobody is asked: give --file")
        answers = _ask(questions) if file is None else read_form(file, questions)
        with opened.exclusive():
            opened.demographics.save(person_id, answers)
    disclosed = sum(answer != UNDISCLOSED for answer in answers.values())
    if as_json:
        emit_json({"saved": True, "answered": disclosed, "questions": len(answers)})
        return
    say(
        f"Kept, encrypted: {disclosed:,} of {counted(len(answers), 'question')} answered. "
        "--withdraw deletes them at any time."
    )


def _ask(questions: Mapping[str, DemographicQuestion]) -> dict[str, str]:
    """Ask each question until the answer is one of its options; an empty answer discloses nothing."""
    from workspaces.privacy.demographic_form import UNDISCLOSED, checked

    note(f"Every question may be left open: Enter means '{UNDISCLOSED}'.")
    answers = {}
    for name, question in questions.items():
        if len(question.options) <= 12:
            note(f"  {', '.join(question.options)}")
        while name not in answers:
            reply = typer.prompt(question.title, default="", show_default=False, err=True)
            try:
                answers[name] = checked(name, question, reply)
            except UsageError as error:
                note(str(error))
    return answers
