"""What a client sees otherwise through the proxy, and should, each with its reason; all else is a fault."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.drivers.dialogue import Line


@dataclass(frozen=True)
class Meant:
    """A step whose two answers differ in one way, which `holds` recognises exactly: (direct, other)."""

    feature: str
    step: str
    reason: str
    holds: Callable[[Line, Line], bool]


def _answers(direct: object, other: object) -> Callable[[Line, Line], bool]:
    return lambda left, right: left.get("answer") == direct and right.get("answer") == other


def _values(column: str, direct: str, other: str) -> Callable[[Line, Line], bool]:
    """The one row of the answer, in this column alone."""

    def holds(left: Line, right: Line) -> bool:
        ours, theirs = left.get("answer"), right.get("answer")
        if not isinstance(ours, dict) or not isinstance(theirs, dict) or column not in ours["columns"]:
            return False
        place = ours["columns"].index(column)
        meant = list(ours["rows"][0])
        if meant[place] != direct:
            return False
        meant[place] = other
        return theirs == {**ours, "rows": [meant]}

    return holds


def _replaced(old: str, new: str) -> Callable[[Line, Line], bool]:
    """The answer is a text, with these words instead of others."""
    return lambda left, right: str(left.get("answer")).replace(old, new) == right.get("answer")


MEANT: tuple[Meant, ...] = (
    Meant(
        "connect",
        "protocol",
        "The proxy speaks versions 3 and 4. Drivers that begin with 5 are told so, as by a Cassandra without"
        " it, and agree on 4.",
        _answers("5", "4"),
    ),
    Meant(
        "connect",
        "local",
        "`native_protocol_version` of system.local is the highest that the proxy speaks.",
        _values("native_protocol_version", "5", "4"),
    ),
    Meant(
        "connect",
        "greeting",
        "cqlsh greets with the protocol version that it has agreed on.",
        _replaced("Native protocol v5", "Native protocol v4"),
    ),
)
