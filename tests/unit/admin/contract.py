"""Every answer that a test sees is compared with the document: one that it does not describe is a failure."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from cqlproxy.admin import reference
from cqlproxy.admin.openapi import Document


@cache
def api() -> Document:
    """The document, read as those read it who get it over HTTP."""
    read: Document = json.loads(json.dumps(reference.api()))
    return read


def check(method: str, path: str, status: int, media: str, body: bytes) -> None:
    """Raise AssertionError unless the document describes such an answer; other paths are not its business."""
    call = _call(method, path.partition("?")[0])
    if call is None or status in (403, 405, 500):
        return
    responses = call["responses"]
    assert str(status) in responses, f"{method} {path} is not said to answer with {status}: {body!r}"
    ((described, content),) = responses[str(status)]["content"].items()
    assert media.partition(";")[0] == described.partition(";")[0]
    if described == "application/json":
        _validator(json.dumps(content["schema"])).validate(json.loads(body))


def _call(method: str, path: str) -> dict[str, Any] | None:
    for template, methods in api()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[0-9]+", template), path):
            found: dict[str, Any] | None = methods.get(method.lower())
            return found
    return None


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": api()["components"]})
