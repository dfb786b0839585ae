"""`/openapi.json`, and `/docs`: a page that shows it and tries its calls, with nothing from elsewhere.

Neither needs a token: they tell what every cqlproxy of this version tells. What a browser tries from the page
needs the token, which is typed into it and kept nowhere.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cqlproxy.admin.answers import FRESH
from cqlproxy.admin.openapi import encoded
from cqlproxy.admin.operations import JSON, Operation

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def docs_routes(operations: Sequence[Operation]) -> list[Route]:
    """The routes that tell of these calls."""
    made: list[bytes] = []

    async def openapi(_: Request) -> Response:
        if not made:
            made.append(await asyncio.to_thread(encoded, operations))
        return Response(made[0], media_type=JSON, headers=FRESH)

    async def docs(_: Request) -> Response:
        page = await asyncio.to_thread(_page)
        headers = {**FRESH, "Content-Security-Policy": _policy(page), "X-Content-Type-Options": "nosniff"}
        return Response(page, media_type="text/html", headers=headers)

    return [
        Route("/openapi.json", openapi, methods=["GET"]),
        Route("/docs", docs, methods=["GET"]),
    ]


def _page() -> str:
    return files("cqlproxy.admin").joinpath("docs.html").read_text(encoding="utf-8")


def _policy(page: str) -> str:
    """What a browser may do with the page: run its own script, wear its own style, ask its own server."""
    allowed = {"script": "'none'", "style": "'none'"}
    for kind, content in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        allowed[kind] = f"'sha256-{digest}'"
    return (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']};"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
