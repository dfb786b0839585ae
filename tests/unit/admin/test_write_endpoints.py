"""`/write` over HTTP: what is passed on, what is answered, and what is refused before anybody is asked."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cqlproxy.json_writes.request import JsonWrite, NotServingError, RepeatedError, WriteError
from cqlproxy.json_writes.unfit import UnfitError
from frame_codec import ConsistencyLevel, ErrorCode
from tests.unit.admin.asking import Ask, Proxy, with_server
from tests.unit.admin.writes import Writes

QUERY = "INSERT INTO t (id, v) VALUES (?, ?)"
LEAST = {"keyspace": "ks", "table": "t", "query": QUERY, "values": [1, "x"]}


def body(**changes: object) -> bytes:
    return json.dumps({**LEAST, **changes}).encode()


def test_a_write_is_passed_on_and_told_of() -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask("/write", "POST", body())
        assert answer.json == {
            "success": True,
            "request_id": "made",
            "write_timestamp": 1_700_000_000_000_000,
            "latency_ms": 0.25,
        }
        given = body(values={"v": None}, consistency="EACH_QUORUM", request_id="a", timestamp=-5)
        answer = await ask("/write", "POST", given)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.json == {
            "success": True,
            "request_id": "a",
            "write_timestamp": -5,
            "latency_ms": 0.25,
        }

    with_server(proxy, scenario)
    assert proxy.writes.asked == [
        JsonWrite("ks", "t", QUERY, [1, "x"], ConsistencyLevel.LOCAL_QUORUM, None, None),
        JsonWrite("ks", "t", QUERY, {"v": None}, ConsistencyLevel.EACH_QUORUM, "a", -5),
    ]


def test_numbers_keep_all_their_digits() -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        given = body().replace(b'[1, "x"]', b"[0.10, 1234567890123456789.000000000000000001]")
        assert (await ask("/write", "POST", given)).status == 200

    with_server(proxy, scenario)
    assert list(map(str, proxy.writes.asked[0].values)) == ["0.10", "1234567890123456789.000000000000000001"]
    assert all(isinstance(value, Decimal) for value in proxy.writes.asked[0].values)


def test_what_the_cluster_says_is_told_with_its_code() -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/write", "POST", body())
        assert answer.status == 200
        assert answer.json == {
            "success": False,
            "request_id": "made",
            "write_timestamp": 1_700_000_000_000_000,
            "latency_ms": 0.25,
            "error": {
                "code": 0x1100,
                "name": "WRITE_TIMEOUT",
                "message": "no answer \u00e4",
                "may_be_applied": True,
            },
        }

    error = WriteError.of(ErrorCode.WRITE_TIMEOUT, "no answer \u00e4")
    with_server(Proxy(writes=Writes(error)), scenario)


REFUSED: list[tuple[Exception, int, dict[str, object]]] = [
    (UnfitError("values.v", "must be text"), 422, {"error": "must be text", "field": "values.v"}),
    (UnfitError("values.\ud800", "no"), 422, {"error": "no", "field": "values.\ud800"}),
    (RepeatedError("another"), 409, {"error": "another", "field": "request_id"}),
    (NotServingError("stopping"), 503, {"error": "stopping"}),
]


@pytest.mark.parametrize(("error", "status", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_written_is_refused(error: Exception, status: int, said: dict[str, object]) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/write", "POST", body())
        assert (answer.status, answer.json) == (status, said)

    with_server(Proxy(writes=Writes(raises=error)), scenario)


LEVELS = "ANY, ONE, TWO, THREE, QUORUM, ALL, LOCAL_QUORUM, EACH_QUORUM, LOCAL_ONE"
BAD_BODIES = [
    ({"keyspace": None}, "keyspace", "is required"),
    ({"table": 5}, "table", "must be text, not a number"),
    ({"query": " "}, "query", "must not be empty"),
    ({"values": "x"}, "values", "must be an array, or an object by the names of the markers"),
    ({"values": None}, "values", "is required"),
    ({"consistency": "quorum"}, "consistency", f"must be one of {LEVELS}"),
    ({"consistency": "SERIAL"}, "consistency", f"must be one of {LEVELS}"),
    ({"request_id": "a\nb"}, "request_id", "must be one line of at most 200 printable characters"),
    ({"timestamp": "now"}, "timestamp", "must be a whole number: microseconds since the epoch"),
    ({"timestamp": 2**63}, "timestamp", "must be a whole number: microseconds since the epoch"),
    ({"timestamp": 1.5}, "timestamp", "must be a whole number: microseconds since the epoch"),
    (
        {"ttl": 5},
        "ttl",
        "is not known (accepted here: keyspace, table, query, values, consistency, request_id, timestamp)",
    ),
]


@pytest.mark.parametrize(("changes", "field", "what"), BAD_BODIES, ids=[str(case[0]) for case in BAD_BODIES])
def test_a_bad_body_is_refused_with_the_field(changes: dict[str, object], field: str, what: str) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask("/write", "POST", body(**changes))
        assert (answer.status, answer.json) == (422, {"error": what, "field": field})

    with_server(proxy, scenario)
    assert proxy.writes.asked == []


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_json_does_not_have_is_no_json(number: bytes) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/write", "POST", body().replace(b"[1,", b"[" + number + b","))
        assert answer.status == 422
        assert b"this is no JSON" in answer.body

    with_server(Proxy(), scenario)
