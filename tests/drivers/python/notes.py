"""What the program writes down of each feature."""

import os
from collections.abc import Callable

from cassandra import ConsistencyLevel
from cassandra.cluster import NoHostAvailable, ResultSet, Session

from tests.drivers.python.values import written
from tests.drivers.said import say

KEYSPACE = os.environ["CQL_KEYSPACE"]
REPLICATED_ONCE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"

_FIELDS = {
    "required_replicas": "required",
    "alive_replicas": "alive",
    "required_responses": "required",
    "received_responses": "received",
    "write_type": "write type",
    "keyspace": "keyspace",
    "table": "table",
}


class Feature:
    """One feature of the script; `session` is what most of its steps use."""

    def __init__(self, name: str, session: Session) -> None:
        self.name = name
        self.session = session

    def note(self, step: str, answer: object) -> None:
        """Write down an answer."""
        say({"feature": self.name, "step": step, "answer": answer})

    def unsupported(self, step: str, why: str, link: str) -> None:
        """Write down what the driver cannot do."""
        say({"feature": self.name, "step": step, "unsupported": why, "link": link})

    def attempt(self, step: str, act: Callable[[], object]) -> None:
        """Write down what `act` returns, or the error that it raises."""
        try:
            answer = act()
        except Exception as error:
            say({"feature": self.name, "step": step, "error": described(error)})
        else:
            self.note(step, answer)

    def execute(self, step: str, statement: object, values: object = None, **more: object) -> None:
        """Write down the result of one statement, or its error."""
        self.attempt(step, lambda: rows_of(self.session.execute(statement, values, **more)))


def rows_of(result: ResultSet) -> dict[str, object]:
    """A result as README.md has it; reads all its pages."""
    said: dict[str, object] = {}
    if result.column_names:
        said["columns"] = list(result.column_names)
        said["rows"] = [
            [written(value, kind) for value, kind in zip(row, result.column_types, strict=True)]
            for row in result
        ]
    if result.response_future.warnings:
        said["warnings"] = result.response_future.warnings
    return said


def described(error: BaseException) -> dict[str, object]:
    """An error as README.md has it."""
    said: dict[str, object] = {
        "kind": type(error).__name__,
        "code": getattr(error, "code", None),
        "message": str(error),
    }
    if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict):
        said["errors"] = [described(inner) for inner in error.errors.values()]
    for name, field in _FIELDS.items():
        value = getattr(error, name, None)
        if value is not None:
            said[field] = str(value)
    level = getattr(error, "consistency", None)
    if level is not None:
        said["consistency"] = ConsistencyLevel.value_to_name.get(level, str(level))
    return said
