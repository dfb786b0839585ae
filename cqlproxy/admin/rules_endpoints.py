"""The paths below `/filters`: the rules in force, reading their file again, asking them about a statement."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cqlproxy.admin.answers import answer, peer, refused
from cqlproxy.admin.request_body import BodyError, json_object, optional_text, text
from cqlproxy.admin.view import NoRulesFileError, RulesView
from filters import RulesError

log = logging.getLogger(__name__)


def rules_routes(rules: RulesView) -> list[Route]:
    """The routes that answer for ``rules``."""

    async def show(_: Request) -> Response:
        return answer(rules.shown())

    async def reload(request: Request) -> Response:
        log.info("asked to read the rules file again", extra={"client": peer(request)})
        try:
            shown = await rules.reload()
        except NoRulesFileError as error:
            return answer({"error": str(error)}, 404)
        except RulesError as error:
            body = {
                "error": "the rules file cannot be used; the rules of before stay in force",
                "problems": list(error.problems),
                **rules.shown(),
            }
            return answer(body, 409)
        return answer(shown)

    async def test(request: Request) -> Response:
        try:
            body = await json_object(request, ("statement", "keyspace"))
            statement, keyspace = text(body, "statement"), optional_text(body, "keyspace")
        except BodyError as error:
            return refused(error)
        return answer({"statements": await rules.tested(statement, keyspace)})

    return [
        Route("/filters", show, methods=["GET"]),
        Route("/filters/reload", reload, methods=["POST"]),
        Route("/filters/test", test, methods=["POST"]),
    ]
