"""What a program saw, in full, as JSON: values and their types, columns, warnings, errors with their fields.

A program is run once on a node and once through something that claims to be no different; what it prints
must then be equal. Arguments of every program: ADDRESS PORT KEYSPACE, where KEYSPACE begins the names of all
keyspaces that it makes.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    ResultSet,
    Session,
)
from cassandra.policies import FallthroughRetryPolicy

REPLICATED_ONCE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"

# Seconds; a slow machine is nobody's fault.
_PATIENCE = 30.0
_ERROR_FIELDS = (
    *("consistency", "required_replicas", "alive_replicas", "required_responses", "received_responses"),
    *("data_retrieved", "write_type", "keyspace", "table", "function", "arg_types"),
)


class Transcript:
    """The program's conversation with a cluster, by label in the order in which it took place."""

    def __init__(self, options: argparse.Namespace, cluster: Cluster, session: Session) -> None:
        self.options = options
        self.cluster = cluster
        self.session = session
        self.keyspace: str = options.keyspace
        self._entries: dict[str, object] = {}

    def note(self, label: str, said: object) -> None:
        """Write down what is JSON already."""
        if label in self._entries:
            raise ValueError(f"two entries are called {label!r}")
        self._entries[label] = said

    def ask(self, label: str, statement: object, parameters: object = None, **settings: object) -> ResultSet:
        """Execute what must succeed, and write down everything about its result."""
        result = self.session.execute(statement, parameters, **settings)
        self.note(label, described(result))
        return result

    def refused(self, label: str, statement: object, parameters: object = None, **settings: object) -> None:
        """Execute what must fail, and write down everything about its error."""
        self.fails(label, lambda: self.session.execute(statement, parameters, **settings))

    def fails(self, label: str, action: Callable[[], object]) -> None:
        """Do what must fail, and write down everything about its error."""
        try:
            done = action()
        except Exception as error:
            self.note(label, described_error(error))
        else:
            raise AssertionError(f"{label}: no error, but {done!r}")

    def either(self, label: str, statement: object, parameters: object = None, **settings: object) -> None:
        """Execute what a server, or the driver on its behalf, may do or refuse."""
        try:
            said = described(self.session.execute(statement, parameters, **settings))
        except Exception as error:
            said = described_error(error)
        self.note(label, said)

    def create(self, *statements: str) -> None:
        """Make the keyspace, use it, and execute `statements` in it."""
        self.session.execute(f"CREATE KEYSPACE {self.keyspace} {REPLICATED_ONCE}")
        self.session.set_keyspace(self.keyspace)
        for statement in statements:
            self.session.execute(statement)

    def print(self) -> None:
        """Tell it to whoever has started the program."""
        print(json.dumps({"entries": self._entries}))


@contextmanager
def conversation(*more: str, **settings: object) -> Iterator[Transcript]:
    """Connect as the program's arguments say; print the transcript unless something is raised.

    `more` names further positional arguments, which are then in `Transcript.options`; `settings` are the
    driver's, for its Cluster.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("keyspace")
    for name in more:
        parser.add_argument(name)
    parser.add_argument("--protocol-version", type=int, default=4)
    parser.add_argument("--no-compression", action="store_true")
    options = parser.parse_args()
    with Cluster(
        [options.address],
        port=options.port,
        protocol_version=options.protocol_version,
        compression=not options.no_compression,
        connect_timeout=_PATIENCE,
        control_connection_timeout=_PATIENCE,
        execution_profiles={
            # Errors come as the server sent them.
            EXEC_PROFILE_DEFAULT: ExecutionProfile(
                request_timeout=_PATIENCE, retry_policy=FallthroughRetryPolicy()
            )
        },
        **settings,
    ) as cluster:
        transcript = Transcript(options, cluster, cluster.connect())
        transcript.note("compressed", cluster.control_connection._connection.decompressor is not None)
        yield transcript
    transcript.print()


def shown(value: object) -> str:
    """A value and its type."""
    return f"{type(value).__name__} {value!r}"


def described(result: ResultSet) -> dict[str, object]:
    """Everything that the driver tells of a result; reads all its pages."""
    more_pages = result.has_more_pages
    conditional = bool(result.column_names) and result.column_names[0] == "[applied]"
    # Read first: it looks at rows that iteration takes away.
    applied = result.was_applied if conditional else None
    return {
        "applied": applied,
        "columns": result.column_names,
        "types": result.column_types and [kind.cql_parameterized_type() for kind in result.column_types],
        "more pages": more_pages,
        "rows": [[shown(value) for value in row] for row in result],
        "warnings": result.response_future.warnings,
        "payload": shown(result.response_future.custom_payload),
    }


def described_error(error: Exception) -> dict[str, object]:
    """An error: class, text (which has the server's code and message), and the fields of its kind."""
    said: dict[str, object] = {"error": type(error).__name__, "text": str(error)}
    if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict):
        said["errors"] = [described_error(inner) for inner in error.errors.values()]
    for name in _ERROR_FIELDS:
        if hasattr(error, name):
            said[name] = shown(getattr(error, name))
    return said
