"""Clusters that ask for credentials: their nodes' settings, their users, and clients who log in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable, Session

from frame_codec import AuthResponse, Frame, Opcode, Startup
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess, loopback_address

GUARDED = {
    "authenticator": {"class_name": "org.apache.cassandra.auth.PasswordAuthenticator"},
    "authorizer": {"class_name": "org.apache.cassandra.auth.CassandraAuthorizer"},
    "role_manager": {"class_name": "org.apache.cassandra.auth.CassandraRoleManager"},
    # Long enough that a request finds its permissions there, short enough that no test waits.
    "roles_validity": "100ms",
    "permissions_validity": "100ms",
    "credentials_validity": "100ms",
}
"""Settings of a node that asks everybody who they are, and what they may do."""

_SUPERUSER_SECONDS = 30.0

Server = CassandraNode | ProxyProcess


@contextmanager
def session(server: Server, username: str, password: str, keyspace: str | None = None) -> Iterator[Session]:
    """A session of the driver with these credentials; raises what the driver raises."""
    cluster = Cluster([server.address], auth_provider=PlainTextAuthProvider(username, password))
    try:
        yield cluster.connect(keyspace)
    finally:
        cluster.shutdown()


def run(node: CassandraNode, *statements: str) -> None:
    """Run statements as the superuser that a new cluster has, once it is there."""
    deadline = time.monotonic() + _SUPERUSER_SECONDS
    while True:
        try:
            with session(node, "cassandra", "cassandra") as superuser:
                for statement in statements:
                    superuser.execute(statement)
            return
        except NoHostAvailable:
            if time.monotonic() > deadline:
                raise


def plain(username: str, password: str, authzid: str = "") -> bytes:
    """A SASL PLAIN message (RFC 4616)."""
    return b"\0".join(part.encode() for part in (authzid, username, password))


def log_in(client: RawClient, token: bytes) -> tuple[Frame, Frame]:
    """The answers to STARTUP and to the token."""
    client.request(Startup({"CQL_VERSION": "3.0.0"}))
    asked = client.frame()
    assert asked is not None
    client.request(AuthResponse(token), stream=2)
    answered = client.frame()
    assert answered is not None, "the connection was closed instead"
    return asked, answered


def logged_in(client: RawClient, username: str, password: str) -> RawClient:
    """The client, served with these credentials."""
    _, answered = log_in(client, plain(username, password))
    assert answered[3] == Opcode.AUTH_SUCCESS, answered
    return client


def refusal(server: Server, username: str, password: str) -> str:
    """The ERROR that a login is answered with. From an address of its own: it need not wait for others."""
    with RawClient(server, source=loopback_address()) as client:
        _, (_, _, _, opcode, body) = log_in(client, plain(username, password))
        assert opcode == Opcode.ERROR, opcode
        return body[6:].decode()
