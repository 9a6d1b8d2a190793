"""What a hostile or broken endpoint can do to us: take a bounded time, send bounded bytes, and learn nothing more."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
from base64 import b64decode
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, SecretStr

from task_generators.labelling.moderation import Moderator
from task_generators.llm.bounded import MAX_REPLY_BYTES
from task_generators.llm.chat import ChatEndpoint
from tests.openai_endpoint import KEY, Endpoint, ok, serving
from workspaces.config import LLMConfig, ModerationConfig
from workspaces.errors import ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = 0.6
"""The deadline of a request in these tests."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GOOD = '{"fine": true}'


class Fine(BaseModel):
    """What the endpoint is asked for."""

    fine: bool


def read_request(connection: socket.socket) -> None:
    """Read a request to its end: the end of its JSON, or of its head where it has none."""
    request = b""
    while not request.endswith(b"}") and not (request.startswith(b"CONNECT") and b"\r\n\r\n" in request):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionResetError
        request += piece


@contextmanager
def raw_server(
    answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Serve connections by ``answer``, which gets a socket from which a request was read; yield the port."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def serve() -> None:
            while not done.is_set():
                with suppress(OSError):
                    connection, _ = listening.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                connection.settimeout(5)
                plain = nullcontext(connection)
                with (
                    plain if context is None else context.wrap_socket(connection, server_side=True) as secured
                ):
                    read_request(secured)
                    answer(secured)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


def drip(connection: socket.socket, text: bytes) -> None:
    for byte in text:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def said(url: str, attempts: int = 1, seconds: float = 30) -> str:
    """Return the one line that is said of an endpoint which fails."""
    config = LLMConfig.model_validate(
        {"base_url": url, "model": "m", "timeout_seconds": seconds, "max_attempts": attempts}
    )
    endpoint = ChatEndpoint(config, SecretStr(KEY))
    try:
        with pytest.raises(ConnectionFailedError) as caught:
            endpoint.ask("system", "material", Fine, "fine thing")
    finally:
        endpoint.close()
    text = str(caught.value)
    assert "\n" not in text
    assert KEY not in text
    assert "llm.base_url" in text or "llm.timeout_seconds" in text or "proxy" in text, "there is no remedy"
    return text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEAD + b"X-Drip: " + b"x" * 5000, id="header"),
        pytest.param(HEAD + b"Content-Length: 5000\r\n\r\n" + b"{" * 5000, id="body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n" * 1000, id="chunks"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, id="continue"),
    ],
)
def test_a_reply_that_drips_ends_with_the_deadline(text: bytes) -> None:
    with raw_server(lambda connection: drip(connection, text)) as port:
        begun = time.monotonic()
        line = said(f"http://127.0.0.1:{port}/v1", seconds=SECONDS)
        assert time.monotonic() - begun < 10 * SECONDS
    assert f"no whole reply within {SECONDS} seconds" in line


def test_moderation_has_the_same_deadline() -> None:
    text = HEAD + b"Content-Length: 5000\r\n\r\n" + b"{" * 5000
    with raw_server(lambda connection: drip(connection, text)) as port:
        config = ModerationConfig.model_validate(
            {"base_url": f"http://127.0.0.1:{port}", "timeout_seconds": SECONDS, "max_attempts": 1}
        )
        moderator = Moderator(config, SecretStr(KEY))
        with pytest.raises(ConnectionFailedError, match=r"moderation\.timeout_seconds"):
            moderator.moderate(["text"])
        moderator.close()


def endless(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    with suppress(OSError):
        while sent < 50 * MAX_REPLY_BYTES:
            connection.sendall(b"100000\r\n" + b"[" * 0x100000 + b"\r\n")
            sent += 0x100000
    assert sent < 10 * MAX_REPLY_BYTES, "it was read on and on"


def test_a_reply_without_end_is_given_up() -> None:
    with raw_server(endless) as port:
        assert "does not speak" in said(f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "br"])
def test_a_compressed_bomb_is_given_up(encoding: str) -> None:
    body = gzip.compress(b"[" * (4 * MAX_REPLY_BYTES))
    head = HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with raw_server(lambda connection: connection.sendall(head + body)) as port:
        assert "does not speak" in said(f"http://127.0.0.1:{port}/v1")


def test_a_compressed_reply_is_read() -> None:
    body = gzip.compress(ok(GOOD)[2].encode())
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with raw_server(lambda connection: connection.sendall(head + body)) as port:
        assert asked(f"http://127.0.0.1:{port}/v1").fine


def asked(url: str) -> Fine:
    config = LLMConfig.model_validate({"base_url": url, "model": "m", "max_attempts": 1})
    endpoint = ChatEndpoint(config, SecretStr(KEY))
    try:
        return endpoint.ask("system", "material", Fine, "fine thing")
    finally:
        endpoint.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["another port", "another host"])
def test_neither_texts_nor_the_key_follow_a_redirect_to_another_server(status: int, host: str) -> None:
    with serving(lambda _: ok(GOOD)) as thief:
        target = f"http://{host}:{thief.server_address[1]}/v1/chat/completions?user=secret"
        with serving(lambda _: (status, {"Location": target}, "")) as endpoint:
            line = said(endpoint.url, attempts=3)
            assert len(endpoint.requests) == 1
        assert thief.requests == []
    assert (
        f"redirects to http://{host}:{thief.server_address[1]}, and neither texts nor the key follow" in line
    )


def test_a_redirect_on_the_same_server_is_followed_and_a_circle_is_not() -> None:
    with serving(lambda _: ok(GOOD)) as endpoint:
        endpoint.script((307, {"Location": "/elsewhere"}, ""))
        assert asked(endpoint.url).fine
        assert len(endpoint.requests) == 2
        assert endpoint.keys == {f"Bearer {KEY}"}
    with serving(lambda _: (308, {"Location": "/v1/chat/completions"}, "")) as circle:
        assert "redirects" in said(circle.url)
        assert len(circle.requests) < 10


def certificate(folder: Path) -> ssl.SSLContext:
    """Return a server's context with a certificate that it signed itself for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def good(connection: socket.socket) -> None:
    body = ok(GOOD)[2].encode()
    connection.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def test_a_certificate_that_nobody_vouches_for_is_refused_and_the_remedy_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(good, certificate(tmp_path)) as port:
        line = said(f"https://localhost:{port}/v1")
        assert "its certificate is refused (self" in line
        assert "SSL_CERT_FILE" in line
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        assert asked(f"https://localhost:{port}/v1").fine
        assert "certificate is refused" in said(f"https://127.0.0.1:{port}/v1")  # of another name


def test_what_the_network_does_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    assert "nothing listens there: is it running?" in said(f"http://127.0.0.1:{closed}/v1")
    assert "its name is not known" in said("http://nowhere.invalid/v1")
    with raw_server(good) as port:
        assert "it does not speak TLS" in said(f"https://127.0.0.1:{port}/v1")
    with raw_server(lambda connection: connection.close()) as port:
        assert "it ended the connection" in said(f"http://127.0.0.1:{port}/v1")
    with raw_server(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")) as port:
        assert "speaks no HTTP" in said(f"http://127.0.0.1:{port}/v1")
    with raw_server(
        lambda connection: connection.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
    ) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert "the proxy between here and there" in said("https://nowhere.invalid/v1")


@pytest.mark.parametrize(
    "body",
    [
        "<html>Welcome to the proxy</html>",
        "",
        "null",
        "[1]",
        "[" * 100_000,
        '{"choices": ' * 2000,
        "\x00",
        '"text"',
    ],
    ids=["page", "empty", "null", "list", "deep list", "deep object", "zero", "text"],
)
def test_a_reply_that_is_no_completion_is_said(body: str) -> None:
    with serving(lambda _: (200, {}, body)) as endpoint:
        assert "does not speak the OpenAI chat-completions protocol: check llm.base_url" in said(endpoint.url)


def test_one_bad_reply_among_good_ones_costs_one_answer() -> None:
    with serving(lambda _: ok(GOOD)) as endpoint:
        ask_in_turn(endpoint, (200, {}, json.dumps({"x": "y" * (MAX_REPLY_BYTES + 1)})))


def ask_in_turn(endpoint: Endpoint, bad: tuple[int, dict[str, str], str]) -> None:
    config = LLMConfig.model_validate({"base_url": endpoint.url, "model": "m", "max_attempts": 1})
    client = ChatEndpoint(config, SecretStr(KEY))
    assert client.ask("system", "material", Fine, "fine thing").fine
    endpoint.script(bad)
    assert client.ask("system", "material", Fine, "fine thing").fine  # asked a second time
    client.close()
    client.close()


def test_an_address_with_a_password_is_asked_by_it_and_nothing_else_says_who_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    found: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.extend(self.headers.get_all("Authorization", []))
            self.close_connection = True  # and no reply

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        said(f"http://127.0.0.1:{server.server_port}/v1")
        said(f"http://us:ours@127.0.0.1:{server.server_port}/v1")
        server.shutdown()
    assert [each.partition(" ")[0] for each in found] == ["Bearer", "Basic"]
    assert b64decode(found[1].partition(" ")[2]) == b"us:ours"
