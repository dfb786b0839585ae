"""The JSON object that a request to the admin port carries, and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Collection

from starlette.requests import Request

MAX_BODY_BYTES = 1 << 20
"""A longer body is refused before it is read to its end."""

MAX_NAME = 200
"""The longest name of somebody, in characters."""


class BodyError(Exception):
    """A body that cannot be used: the HTTP status that answers it, the field at fault, what is wrong."""

    def __init__(self, status: int, field: str | None, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.field = field
        self.what = what


async def json_object(request: Request, fields: Collection[str]) -> dict[str, object]:
    """The body, an object with no other keys than ``fields``. Raises ``BodyError``."""
    expected = f"the body must be a JSON object with {', '.join(fields)}"
    try:
        value = json.loads(await _read(request))
    except (ValueError, RecursionError):
        raise BodyError(422, None, f"{expected}; this is no JSON") from None
    if not isinstance(value, dict):
        raise BodyError(422, None, f"{expected}, not {_kind(value)}")
    for key in value:
        if key not in fields:
            raise BodyError(422, key, f"is not known (accepted here: {', '.join(fields)})")
    return value


def text(body: dict[str, object], field: str) -> str:
    """A field that must be given, and not blank. Raises ``BodyError``."""
    found = optional_text(body, field)
    if found is None:
        raise BodyError(422, field, "is required")
    return found


def optional_text(body: dict[str, object], field: str) -> str | None:
    """A field that may be absent or null, but not blank. Raises ``BodyError``."""
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BodyError(422, field, f"must be text, not {_kind(value)}")
    if not value.strip():
        raise BodyError(422, field, "must not be empty")
    return value


def optional_name(body: dict[str, object], field: str) -> str | None:
    """A short text on one line that may be absent or null. Raises ``BodyError``."""
    value = optional_text(body, field)
    if value is not None and not (len(value) <= MAX_NAME and value.isprintable()):
        raise BodyError(422, field, f"must be one line of at most {MAX_NAME} printable characters")
    return value


def flag(body: dict[str, object], field: str) -> bool:
    """A field that may be absent or null, and then is false. Raises ``BodyError``."""
    value = body.get(field)
    if value is not None and not isinstance(value, bool):
        raise BodyError(422, field, f"must be true or false, not {_kind(value)}")
    return bool(value)


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyError(413, None, f"the body is longer than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case _:
            return "an object"
