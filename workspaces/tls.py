"""Whom our connections trust: read once in a process, for reading all authorities takes some 25 ms."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl


def tls_context() -> ssl.SSLContext:
    """Return httpx's own context, by which SSL_CERT_FILE and SSL_CERT_DIR are heeded; clients may share it."""
    return _context_of(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _context_of(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()
