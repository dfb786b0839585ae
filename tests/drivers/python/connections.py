"""Features 25 to 29: compression, a restart of the server, who may come in, TLS."""

import os
import ssl
import time
from collections.abc import Callable

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, Session

from tests.drivers.python.notes import KEYSPACE, REPLICATED_ONCE, Feature, rows_of
from tests.drivers.said import ask

_ASYNCIO_TLS = "https://github.com/scylladb/python-driver/issues/821"
_OURS = f"{KEYSPACE}_auth"
Connect = Callable[..., Cluster]


def compression(session: Session) -> None:
    feature = Feature("compression", session)
    # The driver's default, when lz4 is installed.
    feature.note("algorithm", session.cluster.control_connection._connection._compression_type)
    insert = session.prepare("INSERT INTO items (k, c, v) VALUES (?, ?, ?)")
    session.execute(insert, (11, 1, "y" * 100_000))
    read = session.execute("SELECT v FROM items WHERE k = 11 AND c = 1").one()[0]
    feature.note("large", str(len(read)))


def restart(session: Session) -> None:
    """Features 26 and 27."""
    select = session.prepare("SELECT v FROM items WHERE k = ? AND c = ?")
    insert = session.prepare("INSERT INTO items (k, c, v) VALUES (?, ?, ?)")
    session.execute(select, (1, 1))
    session.execute(insert, (12, 0, "before"))
    ask("restart")
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = rows_of(session.execute("SELECT v FROM items WHERE k = 1 AND c = 1"))
            break
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    Feature("reconnection", session).note("answer", answer)
    feature = Feature("repreparation", session)
    feature.execute("read", select, (1, 1))
    feature.execute("write", insert, (12, 1, "after"))
    feature.execute("rows", "SELECT v FROM items WHERE k = 12")


def authentication(connect: Connect) -> None:
    host, port = os.environ["CQL_AUTH_HOST"], os.environ["CQL_AUTH_PORT"]
    feature = Feature("authentication", None)
    with connect(host, port, auth_provider=_as("CQL_USERNAME", "CQL_PASSWORD")) as cluster:
        session = cluster.connect()
        session.execute(f"CREATE KEYSPACE {_OURS} {REPLICATED_ONCE}")
        session.execute(f"CREATE TABLE {_OURS}.t (k int PRIMARY KEY, v text)")
        session.execute(session.prepare(f"INSERT INTO {_OURS}.t (k, v) VALUES (?, ?)"), (1, "mine"))
        feature.attempt("accepted", lambda: rows_of(session.execute(f"SELECT k, v FROM {_OURS}.t")))
    with connect(host, port, auth_provider=_as("CQL_OTHER_USERNAME", "CQL_OTHER_PASSWORD")) as cluster:
        other = cluster.connect()
        feature.attempt("forbidden", lambda: rows_of(other.execute(f"SELECT * FROM {_OURS}.t")))
    wrong = PlainTextAuthProvider(os.environ["CQL_USERNAME"], "wrong")
    for step, provider in (("wrong password", wrong), ("no password", None)):
        with connect(host, port, auth_provider=provider) as cluster:
            feature.attempt(step, cluster.connect)


def tls(connect: Connect) -> None:
    host, port = os.environ["CQL_TLS_HOST"], os.environ["CQL_TLS_PORT"]
    feature = Feature("tls", None)
    if os.environ.get("REACTOR") == "asyncio":
        feature.unsupported("accepted", "no TLS by the asyncio event loop: connecting hangs", _ASYNCIO_TLS)
        return
    provider = _as("CQL_USERNAME", "CQL_PASSWORD")
    trusting = ssl.create_default_context(cafile=os.environ["CQL_CA_FILE"])
    names = {"server_hostname": host}
    with connect(host, port, auth_provider=provider, ssl_context=trusting, ssl_options=names) as cluster:
        session = cluster.connect()
        session.execute(session.prepare(f"INSERT INTO {_OURS}.t (k, v) VALUES (?, ?)"), (2, "secret"))
        feature.attempt("accepted", lambda: rows_of(session.execute(f"SELECT k, v FROM {_OURS}.t")))
    usual = ssl.create_default_context()
    with connect(host, port, auth_provider=provider, ssl_context=usual, ssl_options=names) as cluster:
        try:
            cluster.connect()
        except Exception:
            feature.note("untrusted", "refused")
        else:
            feature.note("untrusted", "accepted")


def _as(name: str, password: str) -> PlainTextAuthProvider:
    return PlainTextAuthProvider(os.environ[name], os.environ[password])
