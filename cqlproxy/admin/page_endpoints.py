"""`/`: the page that operators have on the wall, and what it consists of; nothing comes from elsewhere.

The files tell nothing of this proxy, and need no token. What they show is asked of `/live` by their script,
with the token that is typed into the page.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cqlproxy.admin.answers import FRESH
from cqlproxy.admin.operations import Endpoint

PAGE_FILES: Final = {
    "/": "index.html",
    **{
        f"/page/{name}": name
        for name in (
            "icon.svg",
            "page.css",
            "main.js",
            "stream.js",
            "api.js",
            "dialogs.js",
            "phases.js",
            "picture.js",
            "plots.js",
            "panels.js",
            "attention.js",
            "elements.js",
            "words.js",
        )
    },
}
"""The page and its parts: by path, the file in ``cqlproxy/admin/page``."""

_MEDIA: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Nothing that is shown can become markup, whatever a table is named.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Final = {
    **FRESH,
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def page_routes() -> list[Route]:
    """The routes of the page and its parts."""
    return [Route(path, _file(name), methods=["GET"]) for path, name in PAGE_FILES.items()]


def _file(name: str) -> Endpoint:
    async def serve(_: Request) -> Response:
        content = await asyncio.to_thread(files("cqlproxy.admin").joinpath("page", name).read_bytes)
        return Response(content, headers=_HEADERS, media_type=_MEDIA[name.rpartition(".")[2]])

    return serve
