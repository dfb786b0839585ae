"""The path `/config`: the configuration in force, what of it can be changed now, and its schema."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.answers import answer, peer, refused
from cqlproxy.admin.fields import By
from cqlproxy.admin.operations import Operation, ask, get
from cqlproxy.admin.problems import FieldProblem, Must, RequestError
from cqlproxy.admin.request_body import Asked
from cqlproxy.admin.shapes import ConfigChanged, ConfigSchema, ConfigShown
from cqlproxy.admin.view import ConfigChangeError, ConfigView


class ChangeConfig(Asked):
    """Settings that are to be in force until the proxy ends."""

    set: Annotated[
        dict[str, Any],
        Field(min_length=1, description='By dotted key: `{"log.level": "debug"}`.'),
        Must("name at least one key"),
    ]
    by: By = None


def config_operations(config: ConfigView) -> Iterator[Operation]:
    """The calls that ``config`` answers."""

    async def show(_: Request) -> Response:
        return answer(config.shown())

    async def change(asked: ChangeConfig, request: Request) -> Response:
        try:
            return answer(await config.change(asked.set, by=asked.by or peer(request)))
        except ConfigChangeError as error:
            problems = [FieldProblem(f"set.{key}", what) for key, what in error.problems]
            return refused(RequestError(409 if error.well_formed else 422, problems))

    async def schema(_: Request) -> Response:
        return answer(await asyncio.to_thread(config.schema))

    yield get("/config", show, summary="The configuration in force", answer=ConfigShown)
    yield ask(
        "/config",
        change,
        ChangeConfig,
        method="PATCH",
        summary="Change settings while the proxy runs",
        description="All of them or none. The file stays as it is: changes made here end with the process.",
        answer=ConfigChanged,
        refusals={409: "A key that cannot be changed while the proxy runs."},
    )
    yield get(
        "/config/schema",
        schema,
        summary="The JSON Schema of the configuration file",
        description="For editors that complete and check what they are given.",
        answer=ConfigSchema,
    )
