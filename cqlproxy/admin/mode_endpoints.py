"""The path `/config/mode`: the write mode in force, and switching it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.answers import answer, peer
from cqlproxy.admin.fields import By, Text
from cqlproxy.admin.operations import Operation, ask, get
from cqlproxy.admin.problems import Must
from cqlproxy.admin.request_body import Asked
from cqlproxy.admin.shapes import ModeShown, ModeSwitched
from cqlproxy.admin.view import ModeRefusedError, View
from cqlproxy.modes import Mode, parse_mode


class SetMode(Asked):
    """Which mode is to be in force."""

    mode: Annotated[Text, Field(description=f"One of {', '.join(Mode)}, or another spelling of it.")]
    force: Annotated[
        bool | None, Field(description="Also when the cluster that is to answer is away or lacks copies.")
    ] = None
    by: By = None
    expected: Annotated[
        Text | None, Field(description="Only if this mode is in force, as GET has told before.")
    ] = None
    expected_since: Annotated[
        float | None,
        Must("be a number: seconds since the epoch, as GET tells them"),
        Field(description="Only if it was set at this time."),
    ] = None


def mode_operations(view: View) -> Iterator[Operation]:
    """The calls that ``view.modes`` answers."""

    async def show(_: Request) -> Response:
        return answer(view.modes.shown())

    async def switch(asked: SetMode, request: Request) -> Response:
        found: dict[str, Mode | None] = {}
        for field, name in (("mode", asked.mode), ("expected", asked.expected)):
            try:
                found[field] = None if name is None else parse_mode(name)
            except ValueError as problem:
                return answer({"error": str(problem), "field": field, "modes": list(Mode)}, 400)
        wanted = found["mode"]
        assert wanted is not None
        try:
            switched = await view.modes.switch(
                wanted,
                by=asked.by or peer(request),
                force=bool(asked.force),
                expected=found["expected"],
                expected_since=asked.expected_since,
            )
        except ModeRefusedError as refusal:
            return answer({"error": str(refusal), **view.modes.shown()}, 409)
        return answer(switched)

    yield get("/config/mode", show, summary="The write mode in force", answer=ModeShown)
    yield ask(
        "/config/mode",
        switch,
        SetMode,
        summary="Switch the write mode",
        description="New requests follow it at once. To the mode that is in force already nothing is done.",
        answer=ModeSwitched,
        refusals={
            400: "No such mode: `modes` lists those that there are.",
            409: "It would not be safe now, or another mode is in force than expected.",
        },
    )
