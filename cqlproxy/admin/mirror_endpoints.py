"""The paths below `/mirror`: the copies under way, held back, let go, and waited for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.answers import answer, peer
from cqlproxy.admin.fields import By, Target
from cqlproxy.admin.operations import Operation, ask, get
from cqlproxy.admin.problems import Must
from cqlproxy.admin.request_body import Asked
from cqlproxy.admin.shapes import Drained, Mirrors
from cqlproxy.admin.view import MirrorRefusedError, MirrorsView, NoMirrorError
from cqlproxy.cluster.side import Side

LONGEST_WAIT_SECONDS = 30

_SIDES = {side.label: side for side in Side}
_NO_SHADOW = "No shadow cluster is configured."


class HoldMirror(Asked):
    """Which copies are meant."""

    target: Target = None
    by: By = None


class DrainMirror(Asked):
    """Which copies are waited for, and how long."""

    target: Target = None
    wait_seconds: Annotated[
        float,
        Field(ge=0, le=LONGEST_WAIT_SECONDS, description="For longer, ask again: that shows how far it is."),
        Must(f"be a number of seconds from 0 to {LONGEST_WAIT_SECONDS}"),
    ] = 0


def mirror_operations(mirrors: MirrorsView) -> Iterator[Operation]:
    """The calls that ``mirrors`` answers."""

    async def show(_: Request) -> Response:
        return _shown()

    async def pause(asked: HoldMirror, request: Request) -> Response:
        try:
            mirrors.pause(_side(asked.target), by=asked.by or peer(request))
        except (NoMirrorError, MirrorRefusedError) as error:
            return _refused(error)
        return _shown()

    async def resume(asked: HoldMirror, request: Request) -> Response:
        try:
            mirrors.resume(_side(asked.target), by=asked.by or peer(request))
        except NoMirrorError as error:
            return _refused(error)
        return _shown()

    async def drain(asked: DrainMirror, _: Request) -> Response:
        try:
            return answer(await mirrors.drain(_side(asked.target), asked.wait_seconds))
        except (NoMirrorError, MirrorRefusedError) as error:
            return _refused(error)

    def _shown() -> Response:
        return answer({"mirrors": mirrors.shown()})

    yield get("/mirror", show, summary="The copies under way to each cluster", answer=Mirrors)
    yield ask(
        "/mirror/pause",
        pause,
        HoldMirror,
        summary="Send no copies for now",
        description="They are taken and wait, in memory and then as `mirror.overflow` says, until they are"
        " let go on or the proxy starts again. Clients do not notice, unless `mirror.overflow` is `block`.",
        answer=Mirrors,
        body_required=False,
        refusals={404: _NO_SHADOW, 409: "In dual_write_sync clients wait for their copies."},
    )
    yield ask(
        "/mirror/resume",
        resume,
        HoldMirror,
        summary="Send copies again",
        answer=Mirrors,
        body_required=False,
        refusals={404: _NO_SHADOW},
    )
    yield ask(
        "/mirror/drain",
        drain,
        DrainMirror,
        summary="Wait until copies have arrived",
        description="All that were taken before the call, from memory and from the journal. Answers as soon"
        " as they have, or when its time is up, with how many are left and how long that may take.",
        answer=Drained,
        body_required=False,
        refusals={404: _NO_SHADOW, 409: "Copies are paused."},
    )


def _side(target: str | None) -> Side | None:
    return None if target is None else _SIDES[target]


def _refused(error: Exception) -> Response:
    return answer({"error": str(error)}, 404 if isinstance(error, NoMirrorError) else 409)
