"""The clients that the suite runs: what each is called, and how it is built and started.

A client is built when it is first asked for, into the cache. Where its toolchain is missing, `Client.command`
raises `bootstrap.commands.BootstrapError` with what to type; its tests fail then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bootstrap.environments import CHECKOUT, client_python
from tests.drivers import builds

FOLDER = Path(__file__).parent

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Client:
    """A client of the script of work in README.md.

    name: in ids of tests, and in names of keyspaces: letters, digits and underscores, 24 at most.
    title: in docs/drivers.md, without the version, which the program tells.
    command: builds what is missing, and says how to run the program.
    environment: variables for it, beside those that every program gets.
    tool: not a driver, so that it has features of its own.
    """

    name: str
    title: str
    command: Callable[[], Command]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    tool: bool = False


def _python(environment: str) -> Callable[[], Command]:
    return lambda: [client_python(environment), "-m", "tests.drivers.python.program"]


_IN_CHECKOUT = {"PYTHONPATH": str(CHECKOUT)}

CLIENTS: tuple[Client, ...] = (
    Client("python_3_29", "Python: cassandra-driver", _python("driver"), _IN_CHECKOUT),
    Client("python_3_30", "Python: cassandra-driver", _python("driver-3.30"), _IN_CHECKOUT),
    Client(
        "python_3_30_asyncio",
        "Python: cassandra-driver, asyncio",
        _python("driver-3.30"),
        {**_IN_CHECKOUT, "REACTOR": "asyncio"},
    ),
    Client("python_scylla", "Python: scylla-driver", _python("scylla-driver"), _IN_CHECKOUT),
    Client("go_gocql", "Go: gocql", partial(builds.go, "gocql", tags="gocql1")),
    Client("go_cassandra", "Go: apache/cassandra-gocql-driver", partial(builds.go, "gocql")),
    Client("java", "Java: java-driver", partial(builds.java, "java")),
    Client("rust", "Rust: scylla", partial(builds.rust, "rust")),
    Client("node", "Node.js: cassandra-driver", partial(builds.node, "node")),
    Client(
        "cqlsh",
        "cqlsh",
        lambda: [client_python("cqlsh"), "-m", "tests.drivers.cqlsh.program"],
        _IN_CHECKOUT,
        tool=True,
    ),
)
"""In the order of the columns of docs/drivers.md."""

ABSENT: tuple[tuple[str, str, str], ...] = (
    (
        "Python: cassandra-driver 3.29, asyncio",
        "connects to no server on Python 3.9 and later: its asyncio event loop takes a lock in a way that"
        " Python has given up. Mended in 3.30",
        "https://github.com/apache/cassandra-python-driver/pull/1270",
    ),
    (
        "Java: cassandra-driver-core 3.x",
        "not run; the driver for Java 4.x took its place",
        "https://github.com/apache/cassandra-java-driver/tree/3.x",
    ),
    (
        "latte",
        "writes through the proxy in `make bench-nodes`, where it is installed: to build it takes longer than"
        " all clients of this page together",
        "https://github.com/pkolaczk/latte",
    ),
    (
        "Spark with the Cassandra connector",
        "not run; the connector speaks CQL through the DataStax driver for Java 4.x",
        "https://github.com/apache/cassandra-spark-connector",
    ),
    (
        "cassandra-stress",
        "comes with Cassandra's own distribution only, not by any package registry",
        "https://cassandra.apache.org/doc/latest/cassandra/managing/tools/cassandra_stress.html",
    ),
)
"""Clients that people will look for: what is the matter with them, and where it is told."""
