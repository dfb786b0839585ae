"""`/events`, what has happened of late, and `/live`, a stream of what goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.answers import answer
from cqlproxy.admin.operations import Operation, find, get
from cqlproxy.admin.problems import Must
from cqlproxy.admin.request_body import Asked, whole_number
from cqlproxy.admin.shapes import EventsShown
from cqlproxy.admin.streams import MAX_STREAMS, MEDIA, Streams
from cqlproxy.admin.view import View

_ABOUT_LIVE = f"""\
Server-sent events. First `history`: `fields`, the names of figures, and `samples`, a row of them for each
second of the last quarter of an hour; and `events`, as `/events` has them. Then, once a second, `now`: the
latest row as `sample`, what `/status` says as `status`, and what `/stats` says as `stats`; `events` again
whenever there are others. A reader that is slow misses some; one that does not read is hung up on. At most
{MAX_STREAMS} at a time. A browser's `EventSource` sends no token: the page reads it by `fetch`.
"""


class Watch(Asked):
    """How long to watch."""

    snapshots: Annotated[
        Annotated[int, Field(ge=1, le=1_000_000)] | None,
        BeforeValidator(whole_number),
        Must("be a whole number from 1"),
        Field(description="End after so many `now`; left out: no end."),
    ] = None


def live_operations(view: View, streams: Streams) -> Iterator[Operation]:
    """The calls that ``view.live`` answers."""

    async def events(_: Request) -> Response:
        return answer({"events": [event.shown() for event in view.live.events.recent()]})

    async def live(asked: Watch, request: Request) -> Response:
        return streams.stream(request, asked.snapshots)

    yield get(
        "/events",
        events,
        summary="What has happened of late",
        description="What the log tells of modes, rules, nodes, copies and the like: the last of each kind.",
        answer=EventsShown,
    )
    yield find(
        "/live",
        live,
        Watch,
        summary="What goes on, as a stream",
        description=_ABOUT_LIVE,
        media=MEDIA,
        refusals={503: "Too many streams are open."},
    )
