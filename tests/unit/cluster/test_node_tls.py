"""Connections to a node over TLS: whose certificate is accepted, under which name; what is said if not."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import uvloop
from cassandra.connection import DefaultEndPoint

from cqlproxy.cluster.driver import RawConnection, connection_class
from cqlproxy.cluster.node_tls import NodeTls
from cqlproxy.tls.contexts import cluster_files
from frame_codec import Opcode, encode_frame
from tests.nodes.certificates import DAY, Authority, Pair
from tests.unit.cluster.scripted_node import Owner, ScriptedNode, echo

SECTION = "primary.tls"
ADDRESS = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority("authority", tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority("stranger", tmp_path_factory.mktemp("stranger"))


def node_context(pair: Pair, client_ca: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def node_tls(
    ca: Path | None, *contact_points: str, own: Pair | None = None, check_hostname: bool = True
) -> NodeTls:
    cert, key = (None, None) if own is None else (own.cert, own.key)
    files = cluster_files(SECTION, ca, cert, key, check_hostname=check_hostname)
    return NodeTls(files, contact_points or (ADDRESS,))


@asynccontextmanager
async def listening(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ScriptedNode(echo), ADDRESS, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def connect(tls: NodeTls, port: int, owner: Owner | None = None) -> RawConnection:
    loop = asyncio.get_running_loop()
    made = connection_class(loop, owner or Owner(), tls)
    endpoint = DefaultEndPoint(ADDRESS, port)
    connection: RawConnection = await loop.run_in_executor(
        None,
        lambda: made.factory(endpoint, 2, protocol_version=4, compression=False, ssl_context=tls.context),
    )
    return connection


@contextmanager
def refusing(treat: Callable[[socket.socket], None]) -> Iterator[int]:
    """A node in a thread that gives each connection to ``treat`` and closes it.

    A handshake in a thread tells the peer why it failed, as Java does; those of event loops do not.
    """
    server = socket.create_server((ADDRESS, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                treat(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def handshake(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def treat(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            with pytest.raises(ssl.SSLError):
                secured.do_handshake()
            drain(secured)

    return treat


def drain(connection: socket.socket) -> None:
    """Closed with unread bytes, a connection would be reset, and what was sent to the peer with it."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(5)
    while socket.socket.recv(connection, 4096):
        pass


def served(tls: NodeTls, context: ssl.SSLContext) -> str:
    """The name under which the node was accepted, once a request was answered."""

    async def main() -> str:
        async with asyncio.timeout(20), listening(context) as port:
            owner = Owner()
            connection = await connect(tls, port, owner)
            assert await owner.ready is connection
            assert (await connection.ask(Opcode.QUERY, b"ping", 5))[1] == b"ping"
            connection.close()
            return tls.name_of(ADDRESS)

    return uvloop.run(main())


def refused(tls: NodeTls, context: ssl.SSLContext) -> str:
    """What is said of a node whose certificate is refused."""

    async def main() -> str:
        async with asyncio.timeout(20), listening(context) as port:
            return await failure(tls, port)

    return uvloop.run(main())


def refused_by(tls: NodeTls, treat: Callable[[socket.socket], None]) -> str:
    """What is said of a node that does not go on."""
    with refusing(treat) as port:
        return uvloop.run(failure(tls, port))


def connected_sockets() -> int:
    """TCP connections of this process, of both ends."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if entry.is_socket():
                with socket.socket(fileno=os.dup(int(entry.name))) as found:
                    found.getpeername()
                    count += found.family == socket.AF_INET
    return count


async def failure(tls: NodeTls, port: int) -> str:
    with pytest.raises(Exception, match=r"^") as caught:
        await connect(tls, port)
    told = await asyncio.to_thread(tls.explain, caught.value, ADDRESS, port)
    assert told is not None, caught.value
    # What has failed leaves no descriptor behind, here or at the node.
    async with asyncio.timeout(10):
        while connected_sockets():
            await asyncio.sleep(0.01)
    return told


def test_one_way(authority: Authority) -> None:
    pair = authority.issue("node", ADDRESS)
    assert served(node_tls(authority.file), node_context(pair)) == ADDRESS


def test_a_certificate_for_a_contact_points_name_is_accepted(authority: Authority) -> None:
    pair = authority.issue("named", "localhost", "db.example")
    # localhost stands for the address, so it is tried first.
    assert served(node_tls(authority.file, "localhost"), node_context(pair)) == "localhost"
    # Of the others none does, so the address is; then they, one by one.
    tls = node_tls(authority.file, "other.invalid", "localhost")
    assert tls.names_for("192.0.2.1") == ["192.0.2.1", "other.invalid", "localhost"]
    tls = node_tls(authority.file, "other.invalid", "DB.example.")
    assert served(tls, node_context(pair)) == "DB.example"
    assert tls.names_for(ADDRESS)[0] == "DB.example"


def test_the_name_goes_into_the_handshake(authority: Authority) -> None:
    context = node_context(authority.issue("sni", "localhost", ADDRESS))
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    served(node_tls(authority.file, "localhost"), context)
    served(node_tls(authority.file, "localhost", check_hostname=False), context)
    served(node_tls(authority.file), context)
    assert asked == ["localhost", "localhost", None]


def test_mutual(authority: Authority, stranger: Authority) -> None:
    context = node_context(authority.issue("mutual", ADDRESS), client_ca=stranger.file)
    assert served(node_tls(authority.file, own=stranger.issue("proxy")), context) == ADDRESS
    assert refused_by(node_tls(authority.file), handshake(context)) == (
        "it wants a certificate of the proxy (require_client_auth): set primary.tls.cert_file and key_file to"
        " one that it trusts"
    )
    told = refused_by(node_tls(authority.file, own=authority.issue("not-theirs")), handshake(context))
    assert told.startswith(
        "it does not trust the certificate of primary.tls.cert_file (TLSV1_ALERT_UNKNOWN_CA)"
    )


def test_the_wrong_authority(authority: Authority, stranger: Authority) -> None:
    told = refused(node_tls(authority.file), node_context(stranger.issue("fake", ADDRESS)))
    assert told.startswith(
        "its certificate is refused: unable to get local issuer certificate; primary.tls.ca_file must hold"
        " the authority that issued it (the certificate is of CN=fake, for 127.0.0.1, issued by CN=stranger,"
        " valid until 20"
    )


def test_the_systems_authorities_do_not_know_it_either(authority: Authority) -> None:
    told = refused(node_tls(None), node_context(authority.issue("private", ADDRESS)))
    assert "primary.tls.ca_file must hold the authority that issued it" in told


def test_an_expired_certificate(authority: Authority) -> None:
    told = refused(node_tls(authority.file), node_context(authority.issue("old", ADDRESS, valid_for=-DAY)))
    assert told.startswith(
        "its certificate is refused: certificate has expired; replace the certificate on the node (the"
        " certificate is of CN=old"
    )


def test_the_wrong_host_name(authority: Authority) -> None:
    context = node_context(authority.issue("elsewhere", "db9.example", "10.9.9.9"))
    told = refused(node_tls(authority.file, "db1.invalid", ADDRESS), context)
    assert told.startswith(
        "its certificate is refused: Hostname mismatch, certificate is not valid for 'db1."
    )
    assert "add the node's name to contact_points, or set primary.tls.check_hostname: false" in told
    assert "for db9.example, 10.9.9.9, issued by CN=authority" in told
    assert served(node_tls(authority.file, check_hostname=False), context) == ADDRESS


def test_without_the_check_of_the_name_the_authority_still_counts(
    authority: Authority, stranger: Authority
) -> None:
    tls = node_tls(authority.file, check_hostname=False)
    assert "ca_file must hold" in refused(tls, node_context(stranger.issue("posing", ADDRESS)))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_tls_1_1_is_refused(authority: Authority) -> None:
    context = node_context(authority.issue("ancient", ADDRESS))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    told = refused_by(node_tls(authority.file), handshake(context))
    assert told == "it offers no TLS version from 1.2 on"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert served(node_tls(authority.file), context) == ADDRESS


def test_a_node_without_tls(authority: Authority) -> None:
    def answer_in_cql(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(encode_frame(0x84, 0, 0, Opcode.ERROR, b"\x00\x00\x00\x0a\x00\x00"))
        drain(connection)

    def say_nothing(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    assert refused_by(node_tls(authority.file), answer_in_cql) == (
        "it does not speak TLS on this port: take primary.tls away, or enable client encryption on the node"
    )
    told = refused_by(node_tls(authority.file), lambda connection: None)
    assert told.endswith("; does it speak TLS on this port?")
    told = refused_by(node_tls(authority.file), say_nothing)
    assert told.endswith(
        "taking longer than 2 seconds: aborting the connection; does it speak TLS on this port?"
    )


def test_what_is_no_matter_of_tls_is_not_explained(authority: Authority) -> None:
    tls = node_tls(authority.file)
    assert tls.explain(ConnectionRefusedError(111, "Connection refused"), ADDRESS, 9042) is None


def test_a_new_connection_uses_the_files_as_they_are_now(authority: Authority, stranger: Authority) -> None:
    first, second = authority.issue("first", ADDRESS), stranger.issue("second", ADDRESS)
    trusted = authority.folder / "trusted.crt"
    trusted.write_bytes(authority.file.read_bytes())
    files = cluster_files(SECTION, trusted, None, None, check_hostname=True)
    tls = NodeTls(files, [ADDRESS])

    async def main() -> None:
        async with (
            asyncio.timeout(20),
            listening(node_context(first)) as port,
            listening(node_context(second)) as other,
        ):
            early = await connect(tls, port)
            trusted.write_bytes(stranger.file.read_bytes())
            await files.reload()
            assert files.problems == ()
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(tls, port)
            (await connect(tls, other)).close()
            # What is open goes on.
            await ready(early)
            assert (await early.ask(Opcode.QUERY, b"ping", 5))[1] == b"ping"
            early.close()

    uvloop.run(main())


async def ready(connection: RawConnection) -> None:
    async with asyncio.timeout(5):
        while not connection.alive:
            await asyncio.sleep(0)
