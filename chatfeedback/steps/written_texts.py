"""What people wrote into their answers, as exports take it: redacted like the conversation that it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workspaces.kinds import TextQuestion, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports import Context
    from workspaces.privacy.redaction import Redactor
    from workspaces.records import Annotation, Task


def redacted(
    annotations: Sequence[Annotation],
    tasks: Mapping[str, Task],
    contexts: Mapping[str, Context],
    redactor: Redactor,
) -> list[Annotation]:
    """Return annotations whose texts, rewrites and reasons, have placeholders for personal data and secrets.

    A value has the same placeholder as in the conversation, and a rewrite the same text as where others judge it.

    Args:
        annotations: in any order; those of unknown tasks, which are in no row, stay as they are.
        tasks: by id.
        contexts: by message id, of the responses that may be exported.
        redactor: of the workspace.
    """
    names = {kind: _texts_of(kind) for kind in {task.kind for task in tasks.values()}}
    found = list(annotations)
    if not any(names.values()):
        return found
    places, texts, befores = [], [], []
    for place, annotation in enumerate(found):
        task = tasks.get(annotation.task_id)
        asked = () if task is None else names[task.kind]
        written = [name for name in asked if annotation.values.get(name)]
        if task is not None and written:
            before = _shown(task, contexts)
            places.append((place, written))
            befores.append(len(before))
            texts.append([*before, *(annotation.values[name] for name in written)])
    if not texts:  # the redactor takes time to begin
        return found
    for (place, written), begin, said in zip(places, befores, redactor.redact_all(texts), strict=True):
        values = found[place].values
        changed = dict(zip(written, said.texts[begin:], strict=True))
        if any(values[name] != text for name, text in changed.items()):
            found[place] = replace(found[place], values={**values, **changed})
    return found


def _texts_of(name: str) -> tuple[str, ...]:
    """Return the names of a kind's questions that people answer in words, the rewrite first."""
    questions = [each for each in kind_of(name).questions if isinstance(each, TextQuestion)]
    return tuple(each.name for each in sorted(questions, key=lambda each: not each.rewrites))


def _shown(task: Task, contexts: Mapping[str, Context]) -> list[str]:
    """Return what a task shows, as far as it may be exported: the way to its first response, and the others."""
    shown = [contexts[name] for name in task.message_ids if name in contexts]
    path = [message.content for message in shown[0].path] if shown else []
    return [*path, *(context.message.content for context in shown[1:])]
