"""A Content-Security-Policy for Label Studio's pages: they load from this server alone, and nobody frames them.

Label Studio sends one that only reports. Its pages have scripts of their own between their elements, so this one allows
such scripts; it needs no `eval`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpResponse

HEADER = "Content-Security-Policy"

VARIABLE = "LABEL_STUDIO_DOOR_CONTENT_SECURITY_POLICY"
"""Holds the policy to send in place of ours, for a server whose tasks show pictures from elsewhere; `off`: none."""

OFF = "off"

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' blob:",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self' data:",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def secure(response: HttpResponse) -> None:
    """Add the policy to an answer; one that Label Studio made stays beside it, and both hold."""
    policy = os.environ.get(VARIABLE) or POLICY
    if policy != OFF:
        own = response.get(HEADER)
        response[HEADER] = f"{own}, {policy}" if own else policy
