"""The path `/config/mode`: the write mode in force, and switching it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cqlproxy.admin.answers import answer, peer, refused
from cqlproxy.admin.request_body import BodyError, flag, json_object, optional_name, text
from cqlproxy.admin.view import ModeRefusedError, View
from cqlproxy.modes import Mode, parse_mode


def mode_routes(view: View) -> list[Route]:
    """The routes that answer for ``view.modes``."""

    async def mode(request: Request) -> Response:
        return await switch(request) if request.method == "POST" else answer(view.modes.shown())

    async def switch(request: Request) -> Response:
        try:
            body = await json_object(request, ("mode", "force", "by"))
            name, force = text(body, "mode"), flag(body, "force")
            by = optional_name(body, "by") or peer(request)
        except BodyError as error:
            return refused(error)
        try:
            wanted = parse_mode(name)
        except ValueError as problem:
            return answer({"error": str(problem), "field": "mode", "modes": list(Mode)}, 400)
        try:
            return answer(await view.modes.switch(wanted, by=by, force=force))
        except ModeRefusedError as refusal:
            return answer({"error": str(refusal), **view.modes.shown()}, 409)

    return [Route("/config/mode", mode, methods=["GET", "POST"])]
