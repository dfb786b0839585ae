"""`/mirror` over HTTP: shown, held, let go, waited for, and asked in ways that are wrong."""

from __future__ import annotations

import json

import pytest

from cqlproxy.cluster.side import Side
from tests.unit.admin.asking import Answer, Ask, Proxy, with_server
from tests.unit.admin.mirrors import Mirrors


def paused(answer: Answer) -> dict[str, object]:
    assert answer.status == 200, answer.body
    assert isinstance(answer.json, dict)
    return {mirror["target"]: mirror["paused_by"] for mirror in answer.json["mirrors"] if mirror["paused"]}


def test_copies_are_held_and_let_go_as_often_as_one_likes() -> None:
    async def scenario(ask: Ask) -> None:
        assert paused(await ask("/mirror")) == {}
        for _ in range(2):
            answer = await ask("/mirror/pause", "POST", b'{"target": "shadow", "by": "ann"}')
            assert paused(answer) == paused(await ask("/mirror")) == {"shadow": "ann"}
        answer = await ask("/mirror/pause", "POST")
        assert set(paused(answer)) == {"primary", "shadow"}
        assert str(paused(answer)["primary"]).startswith("127.0.0.1:")
        for _ in range(2):
            assert set(paused(await ask("/mirror/resume", "POST", b'{"target": "shadow"}'))) == {"primary"}
        assert paused(await ask("/mirror/resume", "POST", b"{}")) == {}

    with_server(Proxy(), scenario)


def test_what_is_left_is_told_and_waited_for() -> None:
    proxy = Proxy(mirrors=Mirrors(remaining=150))

    async def scenario(ask: Ask) -> None:
        for body, left in ((None, 150), (b'{"wait_seconds": 1}', 50), (b'{"wait_seconds": 0.5}', 0)):
            answer = await ask("/mirror/drain", "POST", body)
            assert answer.status == 200
            assert isinstance(answer.json, dict)
            told = {name: answer.json[name] for name in ("drained", "remaining", "seconds_left")}
            assert told == {"drained": left == 0, "remaining": left, "seconds_left": left / 100}

    with_server(proxy, scenario)
    assert proxy.mirrors.waited == [0, 1, 0.5]


def test_what_cannot_be_done_now_is_refused() -> None:
    async def scenario(ask: Ask) -> None:
        refused = await ask("/mirror/pause", "POST")
        assert (refused.status, refused.json) == (409, {"error": "clients wait"})
        refused = await ask("/mirror/drain", "POST")
        assert refused.status == 409
        assert b"resume first" in refused.body

    proxy = Proxy(mirrors=Mirrors(remaining=1, refusal="clients wait", paused={Side.SHADOW: "ann"}))
    with_server(proxy, scenario)


def test_without_a_shadow_there_are_no_copies() -> None:
    async def scenario(ask: Ask) -> None:
        assert (await ask("/mirror")).json == {"mirrors": []}
        for path in ("pause", "resume", "drain"):
            answer = await ask(f"/mirror/{path}", "POST")
            what = "no shadow cluster is configured, so nothing is copied"
            assert (answer.status, answer.json) == (404, {"error": what})

    with_server(Proxy(mirrors=Mirrors(shadow=False)), scenario)


SECONDS = "must be a number of seconds from 0 to 30"
BAD_BODIES = [
    ("pause", {"target": "both"}, "target", "must be one of primary, shadow"),
    ("pause", {"target": 1}, "target", "must be one of primary, shadow"),
    ("resume", {"by": "a\nb"}, "by", "must be one line of at most 200 printable characters"),
    ("resume", {"wait_seconds": 1}, "wait_seconds", "is not known (accepted here: target, by)"),
    ("drain", {"wait_seconds": 31}, "wait_seconds", SECONDS),
    ("drain", {"wait_seconds": -1}, "wait_seconds", SECONDS),
    ("drain", {"wait_seconds": "1"}, "wait_seconds", SECONDS),
    ("drain", {"wait_seconds": True}, "wait_seconds", SECONDS),
]


@pytest.mark.parametrize(("path", "body", "field", "what"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_body_is_refused_with_the_field(
    path: str, body: dict[str, object], field: str, what: str
) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask(f"/mirror/{path}", "POST", json.dumps(body).encode())
        assert (answer.status, answer.json) == (422, {"error": what, "field": field})

    with_server(proxy, scenario)
    assert (proxy.mirrors.paused, proxy.mirrors.waited) == ({}, [])
