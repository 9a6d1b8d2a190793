"""The voluntary demographic form: its questions, and the checks of a completed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from workspaces.errors import UsageError
from workspaces.files import read_text
from workspaces.yaml_text import MAX_BYTES, load_yaml

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
    """A question of the form: its text and all its options, with "prefer not to say" as the last one."""

    title: str
    options: tuple[str, ...]


def demographic_questions(config: DemographicsConfig) -> dict[str, DemographicQuestion]:
    """Return the form's questions by name: the standard questions, then those of the configuration.

    A configured question with the name of a standard one replaces it.
    """
    import phonenumbers  # its tables take long to import

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
        name: DemographicQuestion(
            title, (*(option for option in options if option != UNDISCLOSED), UNDISCLOSED)
        )
        for name, (title, options) in (standard | own).items()
    }


def form_template(questions: Mapping[str, DemographicQuestion]) -> str:
    """Return an empty form as YAML, in which every question has the answer "prefer not to say"."""
    lines = ["# Voluntary. Every line may stay as it is; you can withdraw your answers at any time."]
    for name, question in questions.items():
        options = question.options if len(question.options) <= _SHOWN else question.options[-1:]
        lines += ["", f"# {question.title}", f"# One of: {', '.join(options)}"]
        if len(options) < len(question.options):
            lines[-1] = f"# A code such as {question.options[0]}, or: {UNDISCLOSED}"
        lines.append(f"{name}: {UNDISCLOSED}")
    return "\n".join(lines) + "\n"


def read_form(path: Path, questions: Mapping[str, DemographicQuestion]) -> dict[str, str]:
    """Read a completed form. The answer to a question that is left out is "prefer not to say".

    Raises:
        UsageError: the file does not exist or is not YAML, a question is unknown, or an answer is not an option. The
            message names the question but not the answer.
    """
    try:
        raw = load_yaml(read_text(path, MAX_BYTES), yaml.BaseLoader)  # every value stays text
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{path} cannot be read: 'chatfeedback people form --template' writes a form"
        ) from None
    except yaml.YAMLError:  # what it says may repeat an answer
        raise UsageError(f"{path} is not YAML: 'chatfeedback people form --template' writes a form") from None
    if not isinstance(raw, Mapping):
        raise UsageError(f"{path} must hold questions and answers, such as 'age_band: {UNDISCLOSED}'")
    if unknown := [name for name in raw if name not in questions]:
        raise UsageError(f"{unknown[0]!r} is no question of the form; it asks for {', '.join(questions)}")
    return {name: checked(name, question, raw.get(name, "")) for name, question in questions.items()}


def checked(name: str, question: DemographicQuestion, answer: object) -> str:
    """Return the option that an answer matches, ignoring case; "prefer not to say" for an empty answer.

    Raises:
        UsageError: the answer is not an option. The message does not repeat the answer.
    """
    folded = answer.strip().casefold() if isinstance(answer, str) else None
    if folded == "":
        return UNDISCLOSED
    for option in question.options:
        if option.casefold() == folded:
            return option
    shown = question.options if len(question.options) <= _SHOWN else ("a two-letter code", UNDISCLOSED)
    raise UsageError(f"the answer to '{name}' is none of: {', '.join(shown)}")
