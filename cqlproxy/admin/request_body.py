"""What a request to the admin port carries, a JSON object or the query of its URL, judged by its model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from cqlproxy.admin.problems import RequestError, kind, problems_of

MAX_BODY_BYTES = 1 << 20
"""A longer body is refused before it is read to its end."""

Model = TypeVar("Model", bound=BaseModel)


class Asked(BaseModel):
    """What a request may say. Null is as good as left out, where a field may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


async def body_of(request: Request, model: type[Model], *, required: bool, exact: bool) -> Model:
    """The body as a ``model``. Raises ``RequestError``.

    Unless ``required``, no body at all is as good as an empty object. ``exact``: numbers with a fraction are
    ``Decimal``, with all their digits.
    """
    expected = f"the body must be a JSON object with {', '.join(model.model_fields)}"
    content = await _read(request)
    if not content and not required:
        return judged({}, model)
    try:
        value = json.loads(content, parse_float=Decimal if exact else None, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestError.of(422, None, f"{expected}; this is no JSON") from None
    if not isinstance(value, dict):
        raise RequestError.of(422, None, f"{expected}, not {kind(value)}")
    return judged(value, model)


def judged(value: Mapping[str, object], model: type[Model]) -> Model:
    """The fields as a ``model``. Raises ``RequestError``."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestError(422, problems_of(error.errors(), model, list(model.model_fields))) from None


def whole_number(value: object) -> object:
    """Before a field of a query that is a number: its digits become one; anything else is left to fail."""
    # Python's int() takes underscores, blanks and other scripts' digits, and refuses thousands of digits.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


def _no_constant(name: str) -> Callable[[], None]:
    raise ValueError(f"{name} is not JSON")


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RequestError.of(413, None, f"the body is longer than {MAX_BODY_BYTES} bytes")
    return bytes(body)
