"""The paths below `/filters`: the rules in force, reading their file again, asking them about a statement."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cqlproxy.admin.answers import answer, peer
from cqlproxy.admin.fields import Text
from cqlproxy.admin.operations import Operation, ask
from cqlproxy.admin.operations import get as tell
from cqlproxy.admin.request_body import Asked
from cqlproxy.admin.shapes import RulesShown, TestedStatements
from cqlproxy.admin.view import NoRulesFileError, RulesView
from filters import RulesError

log = logging.getLogger(__name__)


class Reload(Asked):
    """Nothing needs to be said."""


class TestStatement(Asked):
    """A statement that the rules are asked about."""

    statement: Annotated[Text, Field(description="CQL; also a whole BEGIN BATCH ... APPLY BATCH.")]
    keyspace: Annotated[Text | None, Field(description="Of names without one.")] = None


def rules_operations(rules: RulesView) -> Iterator[Operation]:
    """The calls that ``rules`` answers."""

    async def show(_: Request) -> Response:
        return answer(rules.shown())

    async def reload(_: Reload, request: Request) -> Response:
        log.info("asked to read the rules file again", extra={"client": peer(request)})
        try:
            shown = await rules.reload()
        except NoRulesFileError as error:
            return answer({"error": str(error)}, 404)
        except RulesError as error:
            body = {
                "error": "the rules file cannot be used; the rules of before stay in force",
                "problems": list(error.problems),
                **rules.shown(),
            }
            return answer(body, 409)
        return answer(shown)

    async def test(asked: TestStatement, _: Request) -> Response:
        return answer({"statements": await rules.tested(asked.statement, asked.keyspace)})

    yield tell("/filters", show, summary="The rules in force", answer=RulesShown)
    yield ask(
        "/filters/reload",
        reload,
        Reload,
        summary="Read the rules file now",
        description="Answers once no copy can reach its cluster that the new rules hold back.",
        answer=RulesShown,
        body_required=False,
        refusals={
            404: "No rules file is configured.",
            409: "The file cannot be used: `problems` says why. The rules of before stay in force.",
        },
    )
    yield ask(
        "/filters/test",
        test,
        TestStatement,
        summary="Ask the rules about a statement",
        description="One entry for each statement. Nothing is executed.",
        answer=TestedStatements,
    )
