"""The paths below `/filters`: the rules in force, reading their file again, asking them about a statement."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cqlproxy.admin.request_body import BodyError, json_object, optional_text, text
from cqlproxy.admin.view import NoRulesFileError, RulesView
from filters import RulesError

log = logging.getLogger(__name__)

_FRESH = {"Cache-Control": "no-store"}


def rules_routes(rules: RulesView) -> list[Route]:
    """The routes that answer for ``rules``."""

    async def show(_: Request) -> Response:
        return JSONResponse(rules.shown(), headers=_FRESH)

    async def reload(request: Request) -> Response:
        log.info("asked to read the rules file again", extra={"client": _peer(request)})
        try:
            shown = await rules.reload()
        except NoRulesFileError as error:
            return JSONResponse({"error": str(error)}, status_code=404, headers=_FRESH)
        except RulesError as error:
            body = {
                "error": "the rules file cannot be used; the rules of before stay in force",
                "problems": list(error.problems),
                **rules.shown(),
            }
            return JSONResponse(body, status_code=409, headers=_FRESH)
        return JSONResponse(shown, headers=_FRESH)

    async def test(request: Request) -> Response:
        try:
            body = await json_object(request, ("statement", "keyspace"))
            statement, keyspace = text(body, "statement"), optional_text(body, "keyspace")
        except BodyError as error:
            answer = {"error": error.what, "field": error.field}
            return JSONResponse(answer, status_code=error.status, headers=_FRESH)
        return JSONResponse({"statements": await rules.tested(statement, keyspace)}, headers=_FRESH)

    return [
        Route("/filters", show, methods=["GET"]),
        Route("/filters/reload", reload, methods=["POST"]),
        Route("/filters/test", test, methods=["POST"]),
    ]


def _peer(request: Request) -> str:
    return "unknown" if request.client is None else f"{request.client.host}:{request.client.port}"
