"""The voluntary form: what people may say of themselves, and how a filled-in one is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import phonenumbers
import yaml

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.config import DemographicsConfig

UNDISCLOSED = "prefer not to say"
_SHOWN = 12

_LANGUAGES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cv cy da de dv dz ee el en eo es "
    "et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg "
    "ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl "
    "nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv "
    "sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)


@dataclass(frozen=True, slots=True)
class DemographicQuestion:
    """One question: its text and every answer, "prefer not to say" last."""

    title: str
    options: tuple[str, ...]


def demographic_questions(config: DemographicsConfig) -> dict[str, DemographicQuestion]:
    """Return the form's questions by name: the standard ones, then the lead's own (which may replace one)."""
    standard = {
        "age_band": ("How old are you?", ("under 25", "25-34", "35-44", "45-54", "55-64", "65 or over")),
        "country": (
            "In which country do you live? (two letters, ISO 3166)",
            tuple(sorted(phonenumbers.SUPPORTED_REGIONS)),
        ),
        "gender": ("What is your gender?", ("woman", "man", "non-binary", "another")),
        "education": (
            "What is your highest finished education?",
            ("primary or none", "secondary", "vocational", "bachelor", "master", "doctorate"),
        ),
        "first_language": ("What is your first language? (two letters, ISO 639)", tuple(_LANGUAGES.split())),
    }
    own = {name: (question.title, question.options) for name, question in config.questions.items()}
    return {
        name: DemographicQuestion(title, (*(one for one in options if one != UNDISCLOSED), UNDISCLOSED))
        for name, (title, options) in (standard | own).items()
    }


def form_template(questions: Mapping[str, DemographicQuestion]) -> str:
    """Return the form as YAML to fill in, every question answered with "prefer not to say"."""
    lines = ["# Voluntary. Every line may stay as it is; you can withdraw your answers at any time."]
    for name, question in questions.items():
        options = question.options if len(question.options) <= _SHOWN else question.options[-1:]
        lines += ["", f"# {question.title}", f"# One of: {', '.join(options)}"]
        if len(options) < len(question.options):
            lines[-1] = f"# A code such as {question.options[0]}, or: {UNDISCLOSED}"
        lines.append(f"{name}: {UNDISCLOSED}")
    return "\n".join(lines) + "\n"


def read_form(path: Path, questions: Mapping[str, DemographicQuestion]) -> dict[str, str]:
    """Read a filled-in form; a question left out is not disclosed.

    Raises:
        UsageError: no such file, no YAML, an unknown question or an answer that is no option. The message names
            the question but not the answer.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - every value stays text
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{path} cannot be read: 'chatfeedback people form --template' writes a form"
        ) from None
    except yaml.YAMLError:
        raise UsageError(f"{path} is not YAML: 'chatfeedback people form --template' writes a form") from None
    if not isinstance(raw, Mapping):
        raise UsageError(f"{path} must hold questions and answers, such as 'age_band: {UNDISCLOSED}'")
    if unknown := [name for name in raw if name not in questions]:
        raise UsageError(f"{unknown[0]!r} is no question of the form; it asks for {', '.join(questions)}")
    return {name: checked(name, question, raw.get(name, "")) for name, question in questions.items()}


def checked(name: str, question: DemographicQuestion, answer: object) -> str:
    """Return an answer as the option it means, whatever its case; an empty one is not disclosed.

    Raises:
        UsageError: it is no option; the message does not repeat it.
    """
    given = answer.strip().casefold() if isinstance(answer, str) else None
    if given == "":
        return UNDISCLOSED
    for option in question.options:
        if option.casefold() == given:
            return option
    shown = question.options if len(question.options) <= _SHOWN else ("a two-letter code", UNDISCLOSED)
    raise UsageError(f"the answer to '{name}' is none of: {', '.join(shown)}")
