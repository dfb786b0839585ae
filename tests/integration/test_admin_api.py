"""The admin API of a running proxy: calls answer as the document says; copies are held, kept and let go."""

import http
import http.client
import json
import re
from collections.abc import Iterator

import pytest
from cassandra.cluster import Cluster, Session

from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.integration.json_writes import post, write
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT
from tests.unit.admin.contract import api, check

KEYSPACE = "held_back"
TABLE = f"{KEYSPACE}.t"
INSERT = "INSERT INTO t (k) VALUES (?)"


@pytest.fixture
def shadow_session(primary: CassandraNode, shadow: CassandraNode) -> Iterator[Session]:
    with Cluster([primary.address]) as of_primary, Cluster([shadow.address]) as of_shadow:
        for session in (of_primary.connect(), of_shadow.connect()):
            session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
            session.execute(
                f"CREATE KEYSPACE {KEYSPACE} WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            session.execute(f"CREATE TABLE {TABLE} (k int PRIMARY KEY)")
        yield session


def ask(proxy: ProxyProcess, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of a call, compared with the document."""
    connection = http.client.HTTPConnection(proxy.address, ADMIN_PORT, timeout=30)
    try:
        connection.request(method, path, body, {} if body is None else {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    check(method, path, answer.status, answer.headers["Content-Type"], content)
    return answer.status, content


def test_every_call_answers_as_the_document_says_and_refuses_what_is_wrong(start_proxy: StartProxy) -> None:
    proxy = start_proxy(rules={"table_blacklist": ["a.b"]})
    served = json.loads(ask(proxy, "GET", "/openapi.json")[1])
    assert served == api()
    statuses: dict[str, int] = {}
    for path, methods in served["paths"].items():
        for method, call in methods.items():
            name = f"{method.upper()} {path}"
            if method == "get":
                # Without an end to it, the stream has none.
                asked = "/live?snapshots=1" if path == "/live" else re.sub(r"\{id\}", "1", path)
                statuses[name] = ask(proxy, "GET", asked)[0]
                continue
            assert "requestBody" in call
            for wrong in (b"{", b"[]", b'{"no such field": 1}'):
                status, content = ask(proxy, method.upper(), path, wrong)
                said = json.loads(content)
                assert status == http.HTTPStatus.UNPROCESSABLE_ENTITY, (name, wrong, said)
                at_fault = [one["field"] for one in said.get("fields", [said])]
                assert ("no such field" if b"such" in wrong else None) in at_fault, (name, said)
    assert {name for name, status in statuses.items() if status != http.HTTPStatus.OK} == {
        "GET /dead-letters/{id}"
    }
    status, content = ask(proxy, "POST", "/config/mode", b'{"mode": "dual"}')
    assert (status, len(json.loads(content)["modes"])) == (http.HTTPStatus.BAD_REQUEST, 5)
    assert ask(proxy, "GET", "/docs")[0] == http.HTTPStatus.OK
    assert ask(proxy, "GET", "/no/such/path")[0] == http.HTTPStatus.NOT_FOUND
    shown = json.loads(ask(proxy, "GET", "/status")[1])
    assert (shown["ready"], [cluster["name"] for cluster in shown["clusters"]]) == (
        True,
        ["primary", "shadow"],
    )


def test_copies_that_are_held_back_are_kept_over_a_restart_and_then_go_on(
    start_proxy: StartProxy, shadow_session: Session
) -> None:
    proxy = start_proxy()
    for _ in range(2):
        status, said = post(proxy, "/mirror/pause", {"target": "shadow", "by": "a test"})
        assert status == http.HTTPStatus.OK, said
    for key in range(20):
        assert write(proxy, TABLE, INSERT, [key])["success"] is True
    assert proxy.count("queue_depth") == 20
    assert count(shadow_session) == 0
    status, said = post(proxy, "/mirror/drain", {})
    assert (status, "resume first" in str(said["error"])) == (http.HTTPStatus.CONFLICT, True)
    status, said = post(proxy, "/config/mode", {"mode": "dual_write_sync"})
    assert (status, "paused" in str(said["error"])) == (http.HTTPStatus.CONFLICT, True)

    proxy.stop()
    proxy.start()
    status, said = post(proxy, "/mirror/drain", {"wait_seconds": 20})
    assert (status, said["drained"], said["remaining"]) == (http.HTTPStatus.OK, True, 0)
    assert count(shadow_session) == 20


def test_copies_go_on_when_they_may(start_proxy: StartProxy, shadow_session: Session) -> None:
    proxy = start_proxy(mirror={"max_requests": 5})
    post(proxy, "/mirror/pause", {})
    for key in range(20):
        assert write(proxy, TABLE, INSERT, [key])["success"] is True
    proxy.wait_until(lambda stats: stats["journal_depth"] == 15, 10, what="a journal with the rest")
    assert count(shadow_session) == 0
    post(proxy, "/mirror/resume", {})
    status, said = post(proxy, "/mirror/drain", {"wait_seconds": 20})
    assert (status, said["drained"]) == (http.HTTPStatus.OK, True)
    wait_settled(proxy)
    assert count(shadow_session) == 20


def test_a_write_while_the_primary_is_away_is_told_so(
    start_proxy: StartProxy, shadow_session: Session, primary: CassandraNode
) -> None:
    proxy = start_proxy(request_timeout_ms=1000)
    assert write(proxy, TABLE, INSERT, [1], request_id="one")["success"] is True
    primary.kill()
    said = write(proxy, TABLE, INSERT, [2], request_id="two")
    error = said["error"]
    assert isinstance(error, dict)
    assert (said["success"], error["name"]) in [(False, "UNAVAILABLE"), (False, "WRITE_TIMEOUT")]
    assert write(proxy, TABLE, INSERT, [1], request_id="one")["success"] is True
    primary.restore()
    proxy.wait_until(lambda _: proxy.get("/ready")[0] == http.HTTPStatus.OK, 60, what="a primary again")
    again = write(proxy, TABLE, INSERT, [2], request_id="two")
    assert (again["success"], again["write_timestamp"]) == (True, said["write_timestamp"])


def count(session: Session) -> int:
    """The rows on the shadow."""
    found: int = session.execute(f"SELECT count(*) FROM {TABLE}").one()[0]
    return found
