"""Reads the attachments of a turn: what kind they are, their name and media type, and texts that come with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import clean
from workspaces.records import Attachment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Part = Mapping[str, object]

KINDS = ("image", "audio", "video", "document")
FILE = "file"
_KINDS_OF_PARTS = (*KINDS, FILE, "media", "asset_pointer")
_HOLDERS = (
    "image_url", "image", "input_image", "input_audio", "audio", "audio_url", "video", "video_url", "file", "document",
    "inline_data", "inlineData", "file_data", "fileData", "source", "asset_pointer",
)  # fmt: skip
"""Keys under which a part holds an attachment."""

_NAMES = {"filename", "file_name", "filename_", "name", "title", "display_name", "displayname"}
_ADDRESSES = {"url", "uri", "path", "file_uri", "fileuri", "asset_pointer", "value", *_HOLDERS}
_IDS = {"file_id", "fileid", "id", "uuid"}
_MEDIA_TYPES = {
    "media_type", "mime_type", "mimetype", "mediatype", "content_type", "contenttype", "file_type", "filetype",
}  # fmt: skip
_TEXTS = {"transcript", "text", "context", "caption", "alt", "extracted_content", "content"}
_BYTES = {"data", "bytes", "base64", "b64_json", "file_data", "thumbnail"}

_DATA_ADDRESS = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{256,}={0,2}")


def is_attachment(part: Part, kind: str) -> bool:
    """Return whether a part is an attachment, by its kind or by what it holds."""
    if kind:
        return any(name in kind for name in _KINDS_OF_PARTS)
    return "text" not in part and any(part.get(key) for key in _HOLDERS)


def attachment_of(part: Part | str, kind: str) -> tuple[Attachment, list[str]]:
    """Return an attachment without its bytes, and the texts in it, such as a transcript.

    Args:
        part: the part, or a name, an address or bytes alone.
        kind: what the part or the key that holds it is called.
    """
    names: list[str] = []
    ids: list[str] = []
    texts: list[str] = []
    media_types: list[str] = []
    for key, value, plain in _leaves("value" if isinstance(part, str) else "", part):
        if key == "type" and "/" in value:
            media_types.append(value)
        elif value.startswith("data:"):
            media_types.append(value[5:].partition(";")[0].partition(",")[0])
        elif key in _MEDIA_TYPES:
            if "/" in value or key != "content_type":  # ChatGPT calls the kind of a part its content_type
                media_types.append(value)
        elif key == "format":
            media_types.append(f"{_plain_kind(kind, '')}/{value}")
        elif key in _TEXTS or plain:
            texts.append(value)
        elif key in _BYTES or is_bytes(value):
            continue
        elif key in _NAMES or key in _ADDRESSES:
            names.append(value)
        elif key in _IDS:
            ids.append(value)
        elif key in ("kind", "file_kind"):
            kind = value
    media_type = next((name for name in media_types if "/" in name), next(iter(media_types), None))
    name = " ".join(dict.fromkeys(names)) or next(iter(ids), None)
    return Attachment(_plain_kind(kind, media_type or ""), name, media_type), texts


def _leaves(key: str, value: object, *, plain: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Yield the texts in a part with their keys in lower case, and whether they are text although they are data."""
    if isinstance(value, str):
        if value.strip():
            yield key.lower(), clean(value).strip(), plain and key == "data"
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(key, item, plain=plain)
    elif isinstance(value, dict):
        is_plain = value.get("type") == "text"
        for inner, item in value.items():
            yield from _leaves(str(inner), item, plain=is_plain)


def _plain_kind(kind: str, media_type: str) -> str:
    named = next((known for known in KINDS if known in kind.lower()), None)
    return named or next((known for known in KINDS if media_type.startswith(f"{known}/")), FILE)


def is_bytes(text: str) -> bool:
    """Return whether a text is bytes in base 64, as a data address or alone; a word of that length is none."""
    return bool(_DATA_ADDRESS.match(text) or _BASE64.fullmatch(text))
