"""Clusters with PasswordAuthenticator and CassandraAuthorizer: who is let in, and what they may do there.

Two clusters that ask for credentials, with different users on both; the session's two, which ask nobody.
"""

import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from cassandra import OperationTimedOut, Unauthorized, Unavailable
from cassandra.cluster import NoHostAvailable, Session
from cassandra.protocol import ProtocolException
from cassandra.query import BatchStatement, SimpleStatement
from click.testing import CliRunner

from cqlproxy.cli import main
from frame_codec import (
    AuthResponse,
    Execute,
    Opcode,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    Startup,
    decode_result,
)
from tests.integration.conftest import StartProxy
from tests.integration.guarded import GUARDED, Server, log_in, logged_in, plain, refusal, run, session
from tests.integration.modes import switch
from tests.integration.raw_client import RawClient
from tests.nodes import (
    CassandraNode,
    DriverProgram,
    ProxyProcess,
    loopback_address,
    proxy_settings,
    start_together,
)

PROGRAM = Path(__file__).parent / "programs" / "logins.py"
RECHECK_SECONDS = 2.0
REPLICATED = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
SERVICE = {"username": "keeper", "password": "keepers-secret"}
SHADOW_SERVICE = {"username": "copyist", "password": "copyists-secret"}
SCHEMA = tuple(
    statement
    for keyspace in ("a", "b")
    for statement in (
        f"CREATE KEYSPACE {keyspace} {REPLICATED}",
        f"CREATE TABLE {keyspace}.t (k int PRIMARY KEY, v text)",
    )
)
"""User ``ann`` has rights on ``a`` only, ``ben`` on ``b`` only."""


def _user(name: str, *keyspaces: str, password: str | None = None) -> tuple[str, ...]:
    return (
        f"CREATE ROLE {name} WITH PASSWORD = '{password or name + 's-secret'}' AND LOGIN = true",
        *(f"GRANT ALL PERMISSIONS ON KEYSPACE {keyspace} TO {name}" for keyspace in keyspaces),
    )


def _superuser(account: dict[str, str]) -> str:
    name, password = account["username"], account["password"]
    return f"CREATE ROLE {name} WITH PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = true"


@pytest.fixture(scope="module")
def guarded(root: Path) -> Iterator[tuple[CassandraNode, CassandraNode]]:
    """Two clusters that ask: ``ann`` and ``ben`` are on both, with other rights on the second."""
    first = CassandraNode("guarded-primary", loopback_address(), root, settings=GUARDED)
    second = CassandraNode("guarded-shadow", loopback_address(), root, settings=GUARDED)
    with start_together(first, second):
        run(first, *SCHEMA, *_user("ann", "a"), *_user("ben", "b"), _superuser(SERVICE))
        run(second, *SCHEMA, *_user("ann", "a", "b"), _superuser(SHADOW_SERVICE))
        yield first, second


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode]) -> ProxyProcess:
    """Between both, copying."""
    return start_module_proxy(
        between=guarded,
        primary=SERVICE,
        shadow=SHADOW_SERVICE,
        auth_recheck_seconds=RECHECK_SECONDS,
    )


@pytest.fixture
def node(guarded: tuple[CassandraNode, CassandraNode]) -> CassandraNode:
    """The primary that asks."""
    return guarded[0]


_numbers = itertools.count()


@pytest.fixture
def eve(node: CassandraNode) -> str:
    """A user of one test, with rights on ``a``."""
    name = f"eve{next(_numbers)}"
    run(node, *_user(name, "a"))
    return name


# --- what the proxy's own account may do -------------------------------------------------------------


def test_what_the_service_account_may_not_do_is_named(
    guarded: tuple[CassandraNode, CassandraNode], tmp_path: Path
) -> None:
    first, second = guarded
    run(
        second,
        "CREATE ROLE writer WITH PASSWORD = 'writers-secret' AND LOGIN = true",
        "CREATE ROLE writers",
        "GRANT ALL PERMISSIONS ON KEYSPACE a TO writers",
        "GRANT writers TO writer",
        "GRANT SELECT ON ALL KEYSPACES TO writer",
    )
    run(first, "CREATE ROLE reader WITH PASSWORD = 'readers-secret' AND LOGIN = true")

    def findings(shadow: dict[str, str]) -> tuple[int, list[str]]:
        reader = {"username": "reader", "password": "readers-secret"}
        settings = proxy_settings(loopback_address(), first, second, primary=reader, shadow=shadow)
        path = tmp_path / "proxy.yaml"
        path.write_text(yaml.safe_dump(settings))
        result = CliRunner().invoke(main, ["check-config", str(path), "--connect"])
        assert "secret" not in result.output
        return result.exit_code, [line for line in result.stdout.splitlines() if "permissions: " in line]

    of_primary = [
        f"warning: permissions: reader may not MODIFY keyspace {keyspace} on the primary, which is needed"
        f" for the copies back in shadow_primary: GRANT MODIFY ON keyspace {keyspace} TO reader"
        for keyspace in ("a", "b")
    ]
    status, lines = findings({"username": "writer", "password": "writers-secret"})
    print("\n".join(lines))
    assert (status, lines) == (
        1,
        [
            "problem: permissions: writer may not MODIFY keyspace b on the shadow, which is needed for"
            " copies, and for reads when it answers: GRANT MODIFY ON keyspace b TO writer",
            *of_primary,
            "warning: permissions: writer may not CREATE, ALTER or DROP in keyspace b on the shadow, so that"
            " schema changes cannot be copied there: grant it, or set mirror.schema_changes: false",
        ],
    )
    assert findings(SHADOW_SERVICE) == (0, of_primary)


# --- right credentials ------------------------------------------------------------------------------


def test_a_user_has_its_own_rights(proxy: ProxyProcess, node: CassandraNode) -> None:
    with session(proxy, "ann", "anns-secret", "a") as ann, session(node, "ann", "anns-secret") as direct:
        ann.execute("INSERT INTO t (k, v) VALUES (1, 'one')")
        insert = ann.prepare("INSERT INTO a.t (k, v) VALUES (?, ?)")
        ann.execute(insert, (2, "two"))
        batch = BatchStatement()
        batch.add(insert, (3, "three"))
        ann.execute(batch)
        assert sorted(ann.execute("SELECT k FROM t")) == [(1,), (2,), (3,)]
        for statement in (
            "SELECT * FROM b.t",
            "INSERT INTO b.t (k, v) VALUES (1, 'x')",
            "CREATE TABLE b.u (k int PRIMARY KEY)",
            "TRUNCATE b.t",
            "BEGIN BATCH INSERT INTO a.t (k) VALUES (9); INSERT INTO b.t (k) VALUES (9); APPLY BATCH",
            "CREATE ROLE other",
        ):
            assert _unauthorized(ann, statement) == _unauthorized(direct, statement)
        ann.execute("USE b")
        assert "ann" in _unauthorized(ann, "SELECT * FROM t")
        forbidden = ann.prepare("SELECT * FROM b.t")
        with pytest.raises(Unauthorized):
            ann.execute(forbidden)


def _unauthorized(through: Session, statement: str) -> str:
    with pytest.raises(Unauthorized) as raised:
        through.execute(statement)
    return str(raised.value)


def test_another_driver_sees_the_same_as_directly(
    proxy: ProxyProcess, node: CassandraNode, root: Path
) -> None:
    statements = ("SELECT k FROM b.t WHERE k = 0", "SELECT k FROM a.t WHERE k = 0", "LIST ROLES")
    asked = [
        DriverProgram(PROGRAM, server.address, user, password, *statements, root=root)
        for user, password in (("ann", "anns-secret"), ("ben", "bens-secret"), ("ann", "wrong"))
        for server in (node, proxy)
    ]
    for directly, through in zip(asked[::2], asked[1::2], strict=True):
        expected = str(directly.result(60)).replace(node.address, proxy.address)
        assert str(through.result(60)) == expected


def test_a_statement_that_another_user_has_prepared_is_executed_with_ones_own_rights(
    proxy: ProxyProcess,
) -> None:
    with RawClient(proxy) as of_ann, RawClient(proxy) as of_ben:
        logged_in(of_ann, "ann", "anns-secret")
        logged_in(of_ben, "ben", "bens-secret")
        of_ann.request(Prepare("SELECT v FROM a.t WHERE k = 1"))
        prepared = decode_result(of_ann.expect(Opcode.RESULT, 1), 4)
        assert isinstance(prepared, Prepared)
        execute = Execute(prepared.id, QueryParameters())
        of_ann.request(execute)
        of_ann.expect(Opcode.RESULT, 1)
        of_ben.request(execute)
        refused = of_ben.error()
        assert (refused.code, "ben has no SELECT permission" in refused.message) == (0x2100, True)
        of_ann.request(execute)
        of_ann.expect(Opcode.RESULT, 1)


def test_copies_are_made_with_the_proxys_own_account(
    proxy: ProxyProcess, guarded: tuple[CassandraNode, CassandraNode]
) -> None:
    with session(proxy, "ben", "bens-secret") as ben:
        ben.execute("INSERT INTO b.t (k, v) VALUES (100, 'ben')")
    proxy.wait_copied()
    with session(guarded[1], "cassandra", "cassandra") as superuser:
        assert list(superuser.execute("SELECT v FROM b.t WHERE k = 100")) == [("ben",)]


# --- wrong ones -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [3, 4])
def test_the_handshake_is_the_servers(proxy: ProxyProcess, node: CassandraNode, version: int) -> None:
    tokens = [
        plain("ann", "anns-secret"),
        plain("ann", "anns-secret", authzid="ann"),
        plain("ann", "wrong"),
        b"",
        b"nonsense",
    ]
    for token in tokens:
        own = loopback_address()
        with RawClient(node, version) as direct, RawClient(proxy, version, source=own) as through:
            assert log_in(through, token) == log_in(direct, token)


@pytest.mark.parametrize(
    ("username", "password"), [("ann", "wrong"), ("ann", ""), ("", "anns-secret"), ("", ""), ("nobody", "x")]
)
def test_wrong_credentials_get_the_servers_own_error(
    proxy: ProxyProcess, node: CassandraNode, username: str, password: str
) -> None:
    assert refusal(proxy, username, password) == refusal(node, username, password)


def test_one_connection_may_try_again(proxy: ProxyProcess) -> None:
    with RawClient(proxy, source=loopback_address()) as client:
        log_in(client, plain("ann", "wrong"))
        client.request(AuthResponse(plain("ann", "anns-secret")), stream=3)
        client.expect(Opcode.AUTH_SUCCESS, 3)
        client.serves()


def test_nothing_is_answered_before_the_login(proxy: ProxyProcess) -> None:
    with RawClient(proxy) as client:
        client.request(Startup({"CQL_VERSION": "3.0.0"}))
        client.expect(Opcode.AUTHENTICATE, 1)
        client.request(Query("SELECT * FROM a.t", QueryParameters()))
        assert client.error().message == "Unexpected message QUERY, expecting SASL_RESPONSE"
        assert client.frame() is None


def test_who_guesses_waits_and_nobody_else(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode]
) -> None:
    proxy = start_proxy(between=(guarded[0], None), primary=SERVICE, mode="primary_only")
    with session(proxy, "ann", "anns-secret") as ann:
        took = [_seconds_of_a_refusal(proxy) for _ in range(6)]
        assert took[5] > 3.0
        assert took[5] > took[4] > took[3]
        # Whoever gives what is being used has no wait, though it shares the address.
        started = time.monotonic()
        with RawClient(proxy) as neighbour:
            logged_in(neighbour, "ann", "anns-secret").serves()
        assert time.monotonic() - started < 2.0
        ann.execute("SELECT * FROM a.t")
    assert proxy.count("logins_refused") == 6


def _seconds_of_a_refusal(server: Server) -> float:
    started = time.monotonic()
    with RawClient(server) as client:
        log_in(client, plain("ann", "guess"))
    return time.monotonic() - started


# --- credentials that change ------------------------------------------------------------------------


def test_a_changed_password(proxy: ProxyProcess, node: CassandraNode, eve: str) -> None:
    old, new = f"{eve}s-secret", f"{eve}s-new-secret"
    with RawClient(proxy) as before, RawClient(proxy) as other:
        logged_in(before, eve, old).serves()
        logged_in(other, "ann", "anns-secret").serves()
        run(node, f"ALTER ROLE {eve} WITH PASSWORD = '{new}'")
        changed = time.monotonic()
        assert refusal(proxy, eve, old) == refusal(node, eve, old)
        with RawClient(proxy) as after:
            logged_in(after, eve, new).serves()
            assert before.frame() is None
            assert time.monotonic() - changed < RECHECK_SECONDS + 0.5
            after.serves()
        other.serves()


def test_a_dropped_user(proxy: ProxyProcess, node: CassandraNode, eve: str) -> None:
    with session(proxy, eve, f"{eve}s-secret") as theirs:
        theirs.execute("SELECT * FROM a.t")
        run(node, f"DROP ROLE {eve}")
        dropped = time.monotonic()
        assert refusal(proxy, eve, f"{eve}s-secret") == refusal(node, eve, f"{eve}s-secret")
        while _is_served(theirs):
            assert time.monotonic() < dropped + RECHECK_SECONDS + 0.5


def _is_served(through: Session) -> bool:
    try:
        through.execute("SELECT * FROM a.t", timeout=2)
    except (NoHostAvailable, Unauthorized, OperationTimedOut):
        return False
    return True


def test_a_user_who_may_no_longer_log_in(proxy: ProxyProcess, node: CassandraNode, eve: str) -> None:
    with RawClient(proxy) as client:
        logged_in(client, eve, f"{eve}s-secret").serves()
        run(node, f"ALTER ROLE {eve} WITH LOGIN = false")
        assert refusal(proxy, eve, f"{eve}s-secret") == f"{eve} is not permitted to log in"
        assert client.frame() is None


def test_a_right_that_is_revoked_counts_at_once(proxy: ProxyProcess, node: CassandraNode, eve: str) -> None:
    with session(proxy, eve, f"{eve}s-secret") as theirs:
        select = theirs.prepare("SELECT * FROM a.t")
        theirs.execute(select)
        run(node, f"REVOKE ALL PERMISSIONS ON KEYSPACE a FROM {eve}")
        with pytest.raises(Unauthorized):
            theirs.execute(select)


# --- one cluster asks -------------------------------------------------------------------------------


def test_only_the_primary_asks(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode], shadow: CassandraNode
) -> None:
    with RawClient(shadow) as open_to_all:
        _run_raw(open_to_all.start(), *SCHEMA)
    proxy = start_proxy(between=(guarded[0], shadow), primary=SERVICE)
    assert "incorrect" in refusal(proxy, "ann", "wrong")
    with session(proxy, "ann", "anns-secret") as ann:
        ann.execute("INSERT INTO a.t (k, v) VALUES (200, 'copied')")
        assert "ann" in _unauthorized(ann, "SELECT * FROM b.t")
        proxy.wait_copied()
        switch(proxy, "target_only")
        # The primary decides who is let in. What they may do is for the cluster that answers to say.
        assert list(ann.execute("SELECT v FROM a.t WHERE k = 200")) == [("copied",)]
        assert "incorrect" in refusal(proxy, "ann", "wrong")


def test_only_the_shadow_asks(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode], primary: CassandraNode
) -> None:
    with RawClient(primary) as open_to_all:
        _run_raw(open_to_all.start(), *SCHEMA)
    proxy = start_proxy(between=(primary, guarded[1]), shadow=SHADOW_SERVICE)
    with RawClient(proxy) as client:
        _run_raw(client.start(), "INSERT INTO a.t (k, v) VALUES (300, 'copied')")
        proxy.wait_copied()
        switch(proxy, "target_only")
        client.request(Query("SELECT v FROM a.t WHERE k = 300", QueryParameters()))
        assert b"copied" in client.expect(Opcode.RESULT, 1)
    with RawClient(proxy) as client:
        client.start().serves()


def _run_raw(client: RawClient, *statements: str) -> None:
    for statement in statements:
        client.request(Query(statement, QueryParameters()))
        client.expect(Opcode.RESULT, 1)


# --- the shadow answers -----------------------------------------------------------------------------


def test_the_shadow_with_the_proxys_account(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode]
) -> None:
    proxy = start_proxy(between=guarded, primary=SERVICE, shadow=SHADOW_SERVICE, mode="shadow_primary")
    # The cluster that does not answer is connected in the background, and it decides who is let in.
    proxy.wait_until(_both_connected, 30, what="a connection to each cluster")
    assert "incorrect" in refusal(proxy, "ann", "wrong")
    with session(proxy, "ben", "bens-secret") as ben:
        # Not even a user of the shadow: the primary has let him in, and the proxy's account is used.
        insert = ben.prepare("INSERT INTO b.t (k, v) VALUES (?, 'ben')")
        for k in range(400, 420):
            ben.execute(insert, (k,))
        proxy.wait_copied()
        read = SimpleStatement("SELECT v FROM b.t WHERE k > 0 ALLOW FILTERING", fetch_size=5)
        pages = ben.execute(read)
        switch(proxy, "dual_write_async")
        # What began on the shadow is finished there; all else is for the primary to say.
        assert len(list(pages)) >= 20
        assert list(ben.execute("SELECT v FROM b.t WHERE k = 400")) == [("ben",)]
        assert "ben" in _unauthorized(ben, "SELECT * FROM a.t")


def _both_connected(stats: dict[str, object]) -> bool:
    nodes = stats["nodes"]
    assert isinstance(nodes, list)
    return {node["cluster"] for node in nodes if node["up"]} == {"primary", "shadow"}


def test_the_shadow_with_the_clients_own_accounts(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode]
) -> None:
    proxy = start_proxy(between=guarded, primary=SERVICE, shadow={**SHADOW_SERVICE, "auth": "client"})
    with session(proxy, "ann", "anns-secret") as ann, RawClient(proxy) as of_ben:
        logged_in(of_ben, "ben", "bens-secret").serves()
        assert "ann" in _unauthorized(ann, "SELECT * FROM b.t")
        switch(proxy, "target_only")
        # On the shadow she may read b as well, and he is nobody.
        ann.execute("SELECT * FROM b.t")
        assert "ann" in _unauthorized(ann, "CREATE ROLE other")
        assert of_ben.frame() is None
        assert refusal(proxy, "ben", "bens-secret") == refusal(guarded[1], "ben", "bens-secret")
        switch(proxy, "primary_only")
        assert "ann" in _unauthorized(ann, "SELECT * FROM b.t")


def test_a_read_goes_on_elsewhere_only_where_its_client_may_read(
    proxy: ProxyProcess, guarded: tuple[CassandraNode, CassandraNode]
) -> None:
    """A paging state says on which cluster a read began: a forged one must not open the shadow."""
    with session(guarded[1], "cassandra", "cassandra") as superuser:
        for k in range(500, 520):
            superuser.execute("INSERT INTO b.t (k, v) VALUES (%s, 'x')", (k,))
        superuser.default_fetch_size = 5
        state = superuser.execute("SELECT * FROM b.t").paging_state
    with session(proxy, "ann", "anns-secret") as ann:
        refused = (Unauthorized, NoHostAvailable, ProtocolException, Unavailable)
        forged = SimpleStatement("SELECT * FROM b.t", fetch_size=5)
        for mark in (0xC1, 0xC2):
            with pytest.raises(refused):
                ann.execute(forged, paging_state=state + bytes([mark]))
            with pytest.raises(refused):
                ann.execute(ann.prepare(forged.query_string), paging_state=state + bytes([mark]))


# --- accounts of the proxy --------------------------------------------------------------------------


def test_a_password_file_that_is_replaced(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode], tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("movers-first-secret\n")
    run(guarded[0], _superuser({"username": "mover", "password": "movers-first-secret"}))
    proxy = start_proxy(
        between=(guarded[0], None),
        primary={"username": "mover", "password_file": str(file)},
        mode="primary_only",
    )
    file.write_text("movers-second-secret\n")
    run(guarded[0], "ALTER ROLE mover WITH PASSWORD = 'movers-second-secret'")
    # Clients of version 3 are served over connections that are opened when the first of them comes.
    with RawClient(proxy, version=3) as client:
        logged_in(client, "ann", "anns-secret").serves()


def test_without_an_account_the_proxy_says_what_is_missing(
    start_proxy: StartProxy, guarded: tuple[CassandraNode, CassandraNode]
) -> None:
    proxy = start_proxy(between=(guarded[0], None), mode="primary_only", connect_timeout=1, launch=False)
    proxy.launch()
    assert proxy.wait_ended(20) != 0
    assert "set primary.username and primary.password_file" in proxy.log_tail()


def test_no_secret_is_told(proxy: ProxyProcess, node: CassandraNode) -> None:
    with session(proxy, "cassandra", "cassandra") as superuser:
        superuser.execute("CREATE ROLE told1 WITH PASSWORD = 'hush-1' AND LOGIN = true")
        superuser.execute(superuser.prepare("CREATE ROLE told2 WITH PASSWORD = 'hush-2'"))
        superuser.execute("ALTER USER told1 WITH PASSWORD 'hush-3'")
        for wrong in (
            "CREATE ROLL told3 WITH PASSWORD = 'hush-4'",
            "CREATE ROLE told3 WITH PASSWORD 'hush-5",
            "ALTER ROLE told3 WITH PASSWORD = $$hush-6$$ ?!",
            'CREATE USER told3 PASSWORD "hush-7"',
        ):
            with suppress(Exception):
                superuser.execute(wrong)
    assert "unclassified" not in refusal(proxy, "ann", "hush-8")
    _, stats = proxy.get("/stats")
    _, metrics = proxy.get("/metrics")
    told = proxy.log.read_text() + stats.decode() + metrics.decode()
    assert "hush" not in told
    assert "secret" not in told
