"""What each path of the admin port answers: the plain ones here, the others in modules of their own.

`/health` is for liveness: it answers as long as the event loop turns, whatever the clusters do, so that
nobody restarts a proxy because a database is away. `/ready` is for traffic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cqlproxy.admin.answers import FRESH, answer
from cqlproxy.admin.letters_endpoints import letters_routes
from cqlproxy.admin.mode_endpoints import mode_routes
from cqlproxy.admin.rules_endpoints import rules_routes
from cqlproxy.admin.view import View


def application(view: View) -> Starlette:
    """The ASGI application that answers for `view`."""

    async def health(_: Request) -> Response:
        return answer({"status": "alive"})

    async def ready(_: Request) -> Response:
        is_ready, reasons = view.ready()
        body = {"status": "ready" if is_ready else "not ready", "reasons": reasons}
        return answer(body, 200 if is_ready else 503)

    async def stats(_: Request) -> Response:
        return answer(view.stats())

    async def metrics(_: Request) -> Response:
        return Response(view.metrics_text(), media_type=CONTENT_TYPE_LATEST, headers=FRESH)

    endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/health": health,
        "/ready": ready,
        "/stats": stats,
        "/metrics": metrics,
    }

    routes = [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]
    routes += mode_routes(view)
    routes += rules_routes(view.rules)
    routes += letters_routes(view)

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
