"""The values of a statement's markers, from the JSON that a program has given for them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cqlproxy.json_writes.unfit import UnfitError
from cqlproxy.json_writes.values import encoded
from cqlproxy.statements.lexer import words
from frame_codec import UNSET, ColumnSpec, Value

FIELD = "values"
"""Where they stand in a request."""


def bound_values(
    given: list[object] | dict[str, object], markers: Sequence[ColumnSpec], text: str
) -> tuple[Value, ...]:
    """The values in the order of the markers, as bytes; by name, those not given are unset.

    ``markers`` are as the server describes them, of the statement ``text``. Raises ``UnfitError``.
    """
    if isinstance(given, list):
        if len(given) != len(markers):
            raise UnfitError(
                FIELD, f"must be {len(markers)}, as many as the query has markers, not {len(given)}"
            )
        return tuple(
            encoded(value, marker.type, f"{FIELD}[{number}]")
            for number, (value, marker) in enumerate(zip(given, markers, strict=True))
        )
    names = [marker.name for marker in markers]
    for name in given:
        if name not in names:
            known = f"its markers are {', '.join(names)}" if names else "it has none"
            raise UnfitError(f"{FIELD}.{name}", f"is no marker of the query: {known}")
    _tell_apart(names, text)
    return tuple(
        encoded(given[marker.name], marker.type, f"{FIELD}.{marker.name}") if marker.name in given else UNSET
        for marker in markers
    )


def _tell_apart(names: Sequence[str], text: str) -> None:
    """Several markers of one name mean one value, but not where the server has named them all by a column."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice and "?" in words(text):
        raise UnfitError(
            f"{FIELD}.{twice[0]}",
            f"is the name of several markers: name them in the query (:{twice[0]}_1), or give an array",
        )
