"""How the admin port answers: JSON that nobody caches, and what is wrong with a request."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cqlproxy.admin.request_body import BodyError

FRESH = {"Cache-Control": "no-store"}


def answer(body: Mapping[str, object], status: int = 200) -> Response:
    """A JSON object, as of now."""
    return JSONResponse(body, status_code=status, headers=FRESH)


def refused(error: BodyError) -> Response:
    """What is wrong with a request, and in which field."""
    return answer({"error": error.what, "field": error.field}, error.status)


def peer(request: Request) -> str:
    """Who asks: address and port."""
    return "unknown" if request.client is None else f"{request.client.host}:{request.client.port}"
