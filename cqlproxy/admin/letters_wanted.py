"""Which dead letters a request means: by the query of its URL, or by its body."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from cqlproxy.admin.fields import Target, Text
from cqlproxy.admin.problems import Must, RequestError
from cqlproxy.admin.request_body import Asked, whole_number
from cqlproxy.admin.view import LettersWanted
from cqlproxy.cluster.side import Side
from cqlproxy.journal.letters import Reason

PAGE: Final = 100
"""Letters on a page where no other number is asked for."""

LETTERS: Final = 1_000
"""The most letters on a page."""

_MOST_IDS: Final = 10_000
_LARGEST: Final = 2**63 - 1
_FILTERS: Final = "keyspace, table, reason, target"
_TARGETS: Final = {side.label: side for side in Side}

Keyspace = Annotated[Text | None, Field(description="Of what was written.")]
Table = Annotated[Text | None, Field(description="With its keyspace (`ks.t`) or without.")]
Why = Annotated[Reason | None, Field(strict=False), Must(f"be one of {', '.join(Reason)}")]


class ExportedLetters(Asked):
    """Of all letters those of all that is given."""

    keyspace: Keyspace = None
    table: Table = None
    reason: Why = None
    target: Target = None


class PagedLetters(ExportedLetters):
    """A page of them, by id."""

    limit: Annotated[
        int,
        Field(ge=1, le=LETTERS),
        BeforeValidator(whole_number),
        Must(f"be a whole number from 1 to {LETTERS}"),
    ] = PAGE
    after: Annotated[
        int,
        Field(ge=0, le=_LARGEST, description="The last id of the page before: its `next`."),
        BeforeValidator(whole_number),
        Must(f"be a whole number from 0 to {_LARGEST}"),
    ] = 0


class ChosenLetters(Asked):
    """Either ids, or some of the filters, or all."""

    ids: Annotated[
        list[Annotated[int, Field(gt=0, le=_LARGEST)]] | None,
        Field(min_length=1, max_length=_MOST_IDS),
        Must(f"be an array of 1 to {_MOST_IDS} ids of dead letters, whole numbers above 0"),
    ] = None
    keyspace: Keyspace = None
    table: Table = None
    reason: Why = None
    target: Target = None
    all: bool | None = None

    def wanted(self) -> LettersWanted:
        """The letters that are meant. Raises ``RequestError`` unless it is said in one way."""
        found = wanted_by(self)
        given = [bool(self.all), self.ids is not None, found != LettersWanted()]
        if given.count(True) != 1:
            field = "all" if self.all else "ids" if self.ids is not None else None
            what = f"say which dead letters: either ids, or some of {_FILTERS}, or all: true"
            raise RequestError.of(422, field, what)
        return found if self.ids is None else LettersWanted(tuple(self.ids))


def wanted_by(asked: ExportedLetters | ChosenLetters) -> LettersWanted:
    """Those that the filters mean."""
    target = None if asked.target is None else _TARGETS[asked.target]
    return LettersWanted(None, asked.keyspace, asked.table, asked.reason, target)
