"""The calls of the admin API, each declared once: what serves a request is what the document tells of it.

An operation has a method and a path, the models of what it takes and gives, and the statuses with which it
refuses. ``routes_of`` makes routes of them for Starlette; ``openapi`` makes the document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cqlproxy.admin.answers import refused
from cqlproxy.admin.problems import RequestError
from cqlproxy.admin.request_body import body_of, judged

Taken = TypeVar("Taken", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. ``path`` is Starlette's, ``summary`` a phrase, ``description`` what else one must know."""

    method: str
    path: str
    summary: str
    description: str = ""
    endpoint: Endpoint
    body: type[BaseModel] | None = None
    body_required: bool = True
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    """The answer with status 200; None when it is no JSON object: then ``media`` says what it is."""
    media: str = JSON
    refusals: Mapping[int, str] = field(default_factory=dict)
    """By status: when it is given. Those that all calls of its kind have are not named."""
    refusal: type[BaseModel] | None = None
    """The answer with those statuses, where it is no ``Problem``."""


def get(
    path: str,
    endpoint: Endpoint,
    *,
    summary: str,
    description: str = "",
    answer: type[BaseModel] | None = None,
    media: str = JSON,
    refusals: Mapping[int, str] | None = None,
    refusal: type[BaseModel] | None = None,
) -> Operation:
    """A call that tells something, and takes nothing but its path."""
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        description=description,
        endpoint=endpoint,
        answer=answer,
        media=media,
        refusals=refusals or {},
        refusal=refusal,
    )


def find(
    path: str,
    endpoint: Callable[[Taken, Request], Awaitable[Response]],
    query: type[Taken],
    *,
    summary: str,
    description: str = "",
    answer: type[BaseModel] | None = None,
    media: str = JSON,
    refusals: Mapping[int, str] | None = None,
) -> Operation:
    """A call that tells what the query of its URL asks for."""

    async def serve(request: Request) -> Response:
        try:
            return await endpoint(judged(dict(request.query_params), query), request)
        except RequestError as error:
            return refused(error)

    found = get(
        path, serve, summary=summary, description=description, answer=answer, media=media, refusals=refusals
    )
    return replace(found, query=query)


def ask(
    path: str,
    endpoint: Callable[[Taken, Request], Awaitable[Response]],
    body: type[Taken],
    *,
    summary: str,
    description: str = "",
    answer: type[BaseModel],
    method: str = "POST",
    body_required: bool = True,
    exact: bool = False,
    refusals: Mapping[int, str] | None = None,
) -> Operation:
    """A call that takes a body. ``exact`` as for ``body_of``."""

    async def serve(request: Request) -> Response:
        try:
            taken = await body_of(request, body, required=body_required, exact=exact)
            return await endpoint(taken, request)
        except RequestError as error:
            return refused(error)

    return Operation(
        method=method,
        path=path,
        summary=summary,
        description=description,
        endpoint=serve,
        body=body,
        body_required=body_required,
        answer=answer,
        refusals=refusals or {},
    )


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """A route for each path, in the order in which the paths come first."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation.endpoint
    return [Route(path, _by_method(found), methods=list(found)) for path, found in by_path.items()]


def _by_method(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    if len(endpoints) == 1:
        (only,) = endpoints.values()
        return only

    async def serve(request: Request) -> Response:
        # What Starlette adds to GET by itself.
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return serve
