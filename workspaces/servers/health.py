"""How a server on this machine answers when it is asked how it is."""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 5.0


def health(port: int, path: str) -> tuple[bool, str]:
    """Return whether the server on a port of the loopback address is well, and what it answers; no proxy is asked."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        code = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return False, f"does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return code == HTTPStatus.OK, f"answers {code}"
