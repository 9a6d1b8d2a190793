"""``chatfeedback.yaml``: what it may hold, and how a mistake in it is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from pydantic import SecretStr

from workspaces.config import Config, PlatformsConfig, load_config, secret_from_environment
from workspaces.config.template import template
from workspaces.errors import ConfigurationError
from workspaces.kinds import ChoiceQuestion, Kind, PaidPart, asked_kinds, registered
from workspaces.workspace import STORE_NAME, Workspace

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = "version: 1\nplatforms: {argilla: {}}\n"


def complaint(path: Path, text: str) -> str:
    """Return what is said about a file, without the path."""
    file = path / "chatfeedback.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config(file)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(str(file))
    return said.removeprefix(str(file)).lstrip(": ")


def test_the_template_is_valid_and_says_every_default(tmp_path: Path) -> None:
    file = tmp_path / "chatfeedback.yaml"
    file.write_text(template(), encoding="utf-8")
    assert load_config(file) == Config.model_validate(
        {"version": 1, "platforms": {name: {} for name in PlatformsConfig.model_fields}}
    )
    written = yaml.safe_load(template())
    for name, model in (
        ("select", Config.model_fields["select"]),
        ("mix", Config.model_fields["mix"]),
        ("rates", Config.model_fields["rates"]),
        ("spending", Config.model_fields["spending"]),
        ("store", Config.model_fields["store"]),
        ("budget", Config.model_fields["budget"]),
        ("consent", Config.model_fields["consent"]),
        ("privacy", Config.model_fields["privacy"]),
        ("quality", Config.model_fields["quality"]),
        ("exports", Config.model_fields["exports"]),
        ("demographics", Config.model_fields["demographics"]),
    ):
        assert set(written[name]) == set(type(model.get_default(call_default_factory=True)).known_keys()), (
            name
        )
    assert set(written) == set(Config.model_fields) - {"llm", "moderation", "mixes"}


def test_the_template_holds_a_kind_with_long_names_and_the_default_weight(tmp_path: Path) -> None:
    question = ChoiceQuestion("q", "?", "", {"yes": "Yes", "no": "No"})
    part = PaidPart("a_paid_part_with_a_name_of_40_characters", ("q",), 1, "it", "what it is")
    file = tmp_path / "chatfeedback.yaml"
    with registered(Kind("a-kind", "A kind", questions=(question,), parts=(part,))):
        file.write_text(template(), encoding="utf-8")
        assert load_config(file) == Config.model_validate(
            {"version": 1, "platforms": {"argilla": {}, "label_studio": {}}}
        )
        assert f"  {part.name}: 1  # what it is\n" in template()
        assert "    a-kind: 0\n" in template()


def test_the_commented_llm_settings_of_the_template_are_valid(tmp_path: Path) -> None:
    lines = template().splitlines()
    start = lines.index("# llm:")
    uncommented = [line[2:] if start <= i < start + 5 else line for i, line in enumerate(lines)]
    file = tmp_path / "chatfeedback.yaml"
    file.write_text("\n".join(uncommented), encoding="utf-8")
    llm = load_config(file).llm
    assert llm is not None
    assert (llm.model, llm.api_key_env, llm.concurrency) == ("gpt-4o-mini", "OPENAI_API_KEY", 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("platforms: {argilla: {}}", "'version' is missing"),
        ("version: 1", "'platforms' is missing"),
        ("version: 2\nplatforms: {argilla: {}}", "'version': Input should be 1 (given: 2)"),
        (
            SMALLEST + "mixx: {}",
            "'mixx' is not a known key; known here: version, platforms, llm, moderation, select, mix,",
        ),
        (
            SMALLEST + "select: {skip_flags: [toxik]}",
            "'select.skip_flags.0': known flags: refusal, identity_leak, empty, trivial, toxic, moderation,",
        ),
        (
            SMALLEST + "select: {near_duplicates: two}",
            "'select.near_duplicates': Input should be 'one' or 'all'",
        ),
        (
            SMALLEST + "select: {repeated_prompts: 1}",
            "'select.repeated_prompts': Input should be less than 1",
        ),
        (
            "version: 1\nplatforms: {argilla: {shre: 1}}",
            "'platforms.argilla.shre' is not a known key; known here: url, address, port, api_key_env, share, work",
        ),
        (
            "version: 1\nplatforms: {argilla: {url: argilla.org}}",
            "'platforms.argilla.url': Input should be 'managed' or Input should be a valid URL",
        ),
        (
            "version: 1\nplatforms: {argilla: {port: 70000}}",
            "'platforms.argilla.port': Input should be less than or equal to 65535 (given: 70000)",
        ),
        (
            "version: 1\nplatforms: {argilla: {workspace: A B}}",
            "'platforms.argilla.workspace': String should match pattern '^[a-z0-9][a-z0-9_-]*$' (given: 'A B')",
        ),
        (
            "version: 1\nplatforms: {argilla: {share: 0}}",
            "'platforms': at least one platform with a share above 0 is needed: argilla, label_studio",
        ),
        ("version: 1\nplatforms: [argilla]", "'platforms': must hold keys and values: argilla, label_studio"),
        (
            SMALLEST + "mix:",
            (
                "'mix': must hold keys and values: kinds, significance, only, quotas, platforms, trivial, limit, "
                "per_day, per_week, overlap, adaptive, show_seed, reask, gold (given: None)"
            ),
        ),
        (
            SMALLEST + "mixes: {experts: {limt: 3}}",
            (
                "'mixes.experts.limt' is not a known key; known here: kinds, significance, only, quotas, platforms, "
                "trivial, limit, per_day, per_week, overlap, adaptive, show_seed, reask, gold; did you mean 'limit'?"
            ),
        ),
        (
            SMALLEST + "mix: {}\nmixes: {a: {}}",
            "'the file': mix and mixes cannot both stand: move mix into mixes",
        ),
        (
            SMALLEST + "mix: {platforms: {default: label_studio}}",
            "'the file': platforms.default of the mix 'default' names 'label_studio'; platforms here: argilla",
        ),
        (
            SMALLEST + "mixes: {a: {overlap: 5}, b: {}}",
            "'the file': the mixes 'a' and 'b' both send qualitative tasks to argilla, with overlap 5 and 3",
        ),
        (
            SMALLEST + "mix: {quotas: {model: 2.5}}",
            "'mix.quotas.model.each': a share of the tasks from 0 to 1, or a",
        ),
        (
            SMALLEST + "mix: {adaptive: {least: 4}}",
            "'mix': mix.adaptive.least (4) is more than mix.overlap (3)",
        ),
        (
            SMALLEST + "mix: {adaptive: {as_good_as: 5}}",
            "'mix': mix.adaptive.as_good_as (5) is more than mix.overlap (3), the most answers to a task",
        ),
        (
            SMALLEST + "mix: {only: {since: 2026-02-01, until: 2026-01-01}}",
            "'mix.only': only.since (2026-02-01) is after only.until (2026-01-01)",
        ),
        (
            SMALLEST + "mix: {kinds: {prefrence: 1}}",
            f"'mix.kinds.prefrence': Input should be {' or '.join(map(repr, asked_kinds()))} (given: 'prefrence')",
        ),
        (
            SMALLEST + "mix: {significance: {high: -1}}",
            "'mix.significance.high': Input should be greater than or equal to 0 (given: -1)",
        ),
        (
            SMALLEST + "mix: {kinds: {preference: .nan}}",
            "'mix.kinds.preference': Input should be a finite number (given: nan)",
        ),
        (
            "version: 1\nplatforms: {argilla: {address: 'https://example.org/argilla'}}",
            "'platforms.argilla.address': is an address without a path, such as https://argilla.example.org",
        ),
        (SMALLEST + "mix: {kinds: {preference: 0}}", "'mix': mix.kinds needs at least one weight above 0"),
        (SMALLEST + "mix: {overlap: yes}", "'mix.overlap': Input should be a valid integer (given: True)"),
        (SMALLEST + "mix: {overlap: '3'}", "'mix.overlap': Input should be a valid integer (given: '3')"),
        (SMALLEST + "mix: {limit: 1.5}", "'mix.limit': Input should be a valid integer (given: 1.5)"),
        (
            SMALLEST + "rates: {preference: no}",
            "'rates.preference': Input should be a valid integer (given: False",
        ),
        (SMALLEST + "rates: {version: 2}", "'rates.version': Input should be a valid string (given: 2)"),
        (SMALLEST + "rates: {significance: {low: 1}}", "'rates': rates.significance misses medium, high"),
        (
            SMALLEST + "rates: {time_zone: Mars/Olympus}",
            "'rates.time_zone': 'Mars/Olympus' is no time zone: give one such as Europe/Berlin or UTC",
        ),
        (SMALLEST + "rates: {time_zone: Europe}", "'rates.time_zone': 'Europe' is no time zone"),
        (
            SMALLEST + "rates: {bonuses: {streak: 1}}",
            "'rates.bonuses.streak' is not a known key; known here: shared_chat_log,",
        ),
        (SMALLEST + "rates: {points_per_day: 0}", "'rates.points_per_day': Input should be greater than"),
        (SMALLEST + "levels: {a: 5, b: 5}", "'levels': every level needs points of its own"),
        (
            SMALLEST + "llm: {base_url: 'http://localhost/', model: m, input_price: 1}",
            "'llm': input_price and output_price go together",
        ),
        (
            SMALLEST + "spending: {default: {dynamic: 4, direct: 4}}",
            "'spending.default': 'direct' must cost more than 'dynamic' (given: 4 and 4)",
        ),
        (
            SMALLEST + "spending: {models: {large: {dynamic: 0, direct: 4}}}",
            "'spending.models.large.dynamic': Input should be greater than or equal to 1 (given: 0)",
        ),
        (SMALLEST + "llm: {model: m}", "'llm.base_url' is missing"),
        (
            SMALLEST + "consent: {delay_hours: -1}",
            "'consent.delay_hours': Input should be greater than or equal to 0",
        ),
        ("- version", "must hold keys and values, such as 'version: 1', and holds a list"),
        ("", "must hold keys and values, such as 'version: 1', and holds nothing"),
        ("words", "must hold keys and values, such as 'version: 1', and holds one value"),
        (
            SMALLEST + "exports: {languages: en}",
            "'exports.languages': must be a list, such as ['en'] (given: 'en')",
        ),
        ("version: [", "is not YAML: line 1, column 11: expected the node content"),
        (
            SMALLEST + "mix: {}\nmix: {}",
            "is not YAML: line 4, column 1: the key 'mix' stands twice, first in line 3: keep one",
        ),
        (
            SMALLEST + "mix: {overlap: 2, overlap: 3}",
            "is not YAML: line 3, column 19: the key 'overlap' stands twice, first in line 3",
        ),
        (
            SMALLEST + "mix: {limit: 0100}",
            "is not YAML: line 3, column 14: YAML reads 0100 as 64: write a plain number, or put a text into",
        ),
        (
            SMALLEST + "consent: {delay_hours: 12:30}",
            "is not YAML: line 3, column 24: YAML reads 12:30 as 750: write a plain number",
        ),
        (
            SMALLEST + "mix: {quotas: {model: 20%}}",
            "'mix.quotas.model.each': Input should be a valid number (given: '20%')",
        ),
    ],
)
def test_a_mistake_is_explained_in_one_line_that_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    assert complaint(tmp_path, text).startswith(said)


def test_several_mistakes_are_counted_once_each(tmp_path: Path) -> None:
    text = "version: 1\nplatforms: {argilla: {url: here, port: x}}"
    assert complaint(tmp_path, text).endswith("(and 1 more)")


@pytest.mark.parametrize(
    "beside", ["", "version: 2\n", "llm: 3\n", "mix: {overlap: x}\nrates: {version: []}\n"]
)
@pytest.mark.parametrize("section", sorted(Config.model_fields))
def test_a_section_with_a_letter_too_many_is_named_whatever_else_is_wrong(
    tmp_path: Path, section: str, beside: str
) -> None:
    for typo in (section + section[-1], section[0] + section):
        said = complaint(tmp_path, f"{beside}{typo}: {{}}\n")
        assert said.startswith(f"'{typo}' is not a known key")
        assert f"did you mean '{section}'?" in said


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'chatfeedback init' makes a new one"):
        load_config(tmp_path / "chatfeedback.yaml")


def test_a_file_that_is_no_text_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "chatfeedback.yaml"
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(file)


@pytest.mark.parametrize(
    "text",
    [
        SMALLEST + "llm: {base_url: 'http://localhost/', model: m, api_key: sk-hush}",
        SMALLEST + "llm: {base_url: 'http://localhost/', model: m, api_key_env: sk-hush}",
        "version: 1\nplatforms: {label_studio: {api_key_env: sk-hush}}",
        SMALLEST + "store: {url_env: 'postgresql://ada:hush@db/points'}",
        SMALLEST + "store: {url: 'postgresql://ada:hush@db/points'}",
    ],
)
def test_a_key_written_into_the_file_by_mistake_is_not_repeated(tmp_path: Path, text: str) -> None:
    assert "hush" not in complaint(tmp_path, text)


def test_a_secret_from_the_environment_has_no_readable_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-hush")
    secret = secret_from_environment("SOME_KEY", "the LLM")
    assert isinstance(secret, SecretStr)
    assert secret.get_secret_value() == "sk-hush"
    assert "hush" not in f"{secret} {secret!r} {[secret]} { ({'key': secret})!r}"


@pytest.mark.parametrize(("variable", "named"), [("SOME_KEY", "SOME_KEY"), (None, "api_key_env")])
def test_a_secret_that_is_not_set_says_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, named: str
) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=f"the LLM.*{named}"):
        secret_from_environment(variable, "the LLM")


def test_a_key_of_the_workspace_is_in_no_repr_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from workspaces.workspace import Workspace

    with Workspace.create(tmp_path / "w") as made:
        key = (made.path / "secrets" / "pseudonym.key").read_text()
        assert key
        shown = f"{vars(made)!r} {vars(made.pseudonyms)!r} {made.config!r}"
        assert key not in shown
        assert repr(bytes.fromhex(key)) not in shown


def test_a_platform_with_share_0_gets_no_new_tasks_and_stays_in_use() -> None:
    config = Config.model_validate({"version": 1, "platforms": {"argilla": {}, "label_studio": {"share": 0}}})
    assert config.platforms.names() == ("argilla", "label_studio")
    assert config.platforms.shares() == {"argilla": 1.0}


def test_a_workspace_keeps_its_store_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "what? #1 %41&b=c"
    with Workspace.create(folder, "version: 1\nplatforms: {argilla: {}}\n"):
        pass
    assert [it.name for it in tmp_path.iterdir()] == [folder.name]
    assert (folder / STORE_NAME).stat().st_size
