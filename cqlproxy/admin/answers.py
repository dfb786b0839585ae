"""How the admin port answers: JSON that nobody caches, and what is wrong with a request."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.problems import RequestError

FRESH = {"Cache-Control": "no-store"}


def answer(body: Mapping[str, object], status: int = 200) -> Response:
    """A JSON object, as of now."""
    # In ASCII, since what a request has said may be repeated, and that need not have a form in UTF-8.
    content = json.dumps(body, allow_nan=False, separators=(",", ":"))
    return Response(content, status, FRESH, "application/json")


def refused(error: RequestError) -> Response:
    """What is wrong with a request, and in which fields."""
    first = error.problems[0]
    body: dict[str, object] = {"error": first.what, "field": first.field}
    if len(error.problems) > 1:
        body["fields"] = [{"field": field, "error": what} for field, what in error.problems]
    return answer(body, error.status)


def peer(request: Request) -> str:
    """Who asks: address and port."""
    return "unknown" if request.client is None else f"{request.client.host}:{request.client.port}"
