"""Which dead letters a request means: by the query of its URL, or by its body."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import TypeVar

from starlette.requests import Request

from cqlproxy.admin.request_body import BodyError, flag, json_object, optional_text
from cqlproxy.admin.view import LettersWanted
from cqlproxy.cluster.side import Side
from cqlproxy.journal.letters import Reason

PAGE = 100
"""Letters on a page where no other number is asked for."""

LETTERS = 1_000
"""The most letters on a page."""

_MOST_IDS = 10_000

_FILTERS = ("keyspace", "table", "reason", "target")
_REASONS = {reason.value: reason for reason in Reason}
_TARGETS = {side.label: side for side in Side}

_Known = TypeVar("_Known", bound=Enum)


def wanted_by_query(query: Mapping[str, str], besides: Collection[str] = ()) -> LettersWanted:
    """Those of a query such as ``?reason=rejected&table=shop.orders``. Raises ``BodyError``."""
    accepted = (*_FILTERS, *besides)
    for key in query:
        if key not in accepted:
            raise BodyError(422, key, f"is not known (accepted here: {', '.join(accepted)})")
    return _filtered(dict(query))


async def wanted_by_body(request: Request) -> LettersWanted:
    """Those of a body with ``ids``, or with filters, or with ``all``. Raises ``BodyError``."""
    body = await json_object(request, ("ids", *_FILTERS, "all"))
    everything, ids, wanted = flag(body, "all"), _ids(body), _filtered(body)
    given = [everything, ids is not None, wanted != LettersWanted()]
    if given.count(True) != 1:
        field = "all" if everything else "ids" if ids is not None else None
        raise BodyError(
            422, field, f"say which dead letters: either ids, or some of {', '.join(_FILTERS)}, or all: true"
        )
    return wanted if ids is None else LettersWanted(ids)


def number_in(query: Mapping[str, str], field: str, low: int, high: int, default: int) -> int:
    """A whole number of a query, in its bounds, both included. Raises ``BodyError``."""
    written = query.get(field)
    if written is None:
        return default
    # Python's int() takes underscores, blanks and other scripts' digits, and refuses thousands of digits.
    if written.isascii() and written.isdigit() and len(written) < 20 and low <= int(written) <= high:
        return int(written)
    raise BodyError(422, field, f"must be a whole number from {low} to {high}")


def _filtered(body: dict[str, object] | dict[str, str]) -> LettersWanted:
    given = dict[str, object](body)
    return LettersWanted(
        None,
        optional_text(given, "keyspace"),
        optional_text(given, "table"),
        _one_of(given, "reason", _REASONS),
        _one_of(given, "target", _TARGETS),
    )


def _one_of(given: dict[str, object], field: str, known: Mapping[str, _Known]) -> _Known | None:
    written = optional_text(given, field)
    if written is not None and written not in known:
        raise BodyError(422, field, f"must be one of {', '.join(known)}")
    return None if written is None else known[written]


def _ids(body: dict[str, object]) -> tuple[int, ...] | None:
    value = body.get("ids")
    if value is None:
        return None
    expected = f"must be an array of 1 to {_MOST_IDS} ids of dead letters"
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_IDS:
        raise BodyError(422, "ids", expected)
    for number in value:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**63:
            raise BodyError(422, "ids", f"{expected}, whole numbers above 0")
    return tuple(value)
