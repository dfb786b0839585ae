"""All that the admin port answers: the plain calls here, the others in modules of their own.

`/health` is for liveness: it answers as long as the event loop turns, whatever the clusters do, so that
nobody restarts a proxy because a database is away. `/ready` is for traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cqlproxy.admin.answers import FRESH, answer
from cqlproxy.admin.config_endpoints import config_operations
from cqlproxy.admin.docs_endpoints import docs_routes
from cqlproxy.admin.letters_endpoints import letters_operations
from cqlproxy.admin.live_endpoints import live_operations
from cqlproxy.admin.mirror_endpoints import mirror_operations
from cqlproxy.admin.mode_endpoints import mode_operations
from cqlproxy.admin.operations import Operation, get, routes_of
from cqlproxy.admin.page_endpoints import page_routes
from cqlproxy.admin.rules_endpoints import rules_operations
from cqlproxy.admin.shapes import Health, Readiness, Stats, Status
from cqlproxy.admin.streams import Streams
from cqlproxy.admin.view import View
from cqlproxy.admin.write_endpoints import write_operations

_METRICS_MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"


def operations(view: View, streams: Streams | None = None) -> Iterator[Operation]:
    """Every call of the API, as `view` answers it. `streams` are the server's; None: it has none of its
    own."""
    yield from _plain_operations(view)
    yield from live_operations(view, streams or Streams(view=view))
    yield from config_operations(view.config)
    yield from mode_operations(view)
    yield from rules_operations(view.rules)
    yield from mirror_operations(view.mirrors)
    yield from letters_operations(view)
    yield from write_operations(view.writes)


def _plain_operations(view: View) -> Iterator[Operation]:
    async def health(_: Request) -> Response:
        return answer({"status": "alive"})

    async def ready(_: Request) -> Response:
        is_ready, reasons = view.ready()
        body = {"status": "ready" if is_ready else "not ready", "reasons": reasons}
        return answer(body, 200 if is_ready else 503)

    async def stats(_: Request) -> Response:
        return answer(view.stats())

    async def status(_: Request) -> Response:
        return answer(view.status())

    async def metrics(request: Request) -> Response:
        text, media = await view.metrics_text(request.headers.get("accept", ""))
        return Response(text, media_type=media, headers=FRESH)

    yield get(
        "/health",
        health,
        summary="Whether the process lives",
        description="For liveness probes. Says nothing of the clusters.",
        answer=Health,
    )
    yield get(
        "/ready",
        ready,
        summary="Whether clients can be served",
        description="For readiness probes. The cluster that does not answer clients has no say in it.",
        answer=Readiness,
        refusals={503: "They cannot."},
        refusal=Readiness,
    )
    yield get(
        "/status",
        status,
        summary="The state of all parts at a glance",
        description="For people, and for what shows it to them; /stats has all figures.",
        answer=Status,
    )
    yield get("/stats", stats, summary="All figures, as JSON", answer=Stats)
    yield get("/metrics", metrics, summary="All figures, for Prometheus", media=_METRICS_MEDIA)


def application(view: View, streams: Streams | None = None) -> Starlette:
    """The ASGI application that answers for `view`; `streams` as for `operations`."""
    calls = list(operations(view, streams))
    routes = page_routes() + routes_of(calls) + docs_routes(calls)

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        body: dict[str, object] = {"error": error.detail}
        if error.status_code == 404:
            body["paths"] = [route.path for route in routes]
        return JSONResponse(body, status_code=error.status_code, headers=error.headers)

    async def failed(_: Request, error: Exception) -> Response:
        return JSONResponse(
            {"error": f"a bug of the proxy, see its log: {type(error).__name__}"}, status_code=500
        )

    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: refused, Exception: failed},
    )
    # A redirect from /health/ to /health would be neither one.
    app.router.redirect_slashes = False
    return app
