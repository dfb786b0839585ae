"""`/config/mode` over HTTP: shown, switched in every spelling, refused, and asked in ways that are wrong."""

from __future__ import annotations

import json

import pytest

from cqlproxy.modes import SPELLINGS, Mode
from tests.unit.admin.asking import Answer, Ask, Proxy, with_server
from tests.unit.admin.modes import SINCE, Modes

PATH = "/config/mode"


def said(answer: Answer) -> dict[str, object]:
    assert isinstance(answer.json, dict)
    return answer.json


def test_the_mode_in_force_is_shown() -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask(PATH)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.json == {
            "mode": "dual_write_async",
            "since": SINCE,
            "by": "ann@ops1",
            "answered_by": "primary",
        }

    with_server(Proxy(modes=Modes(Mode.DUAL_WRITE_ASYNC, "ann@ops1")), scenario)


@pytest.mark.parametrize(("spelling", "mode"), SPELLINGS.items())
def test_every_spelling_switches(spelling: str, mode: Mode) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask(PATH, "POST", json.dumps({"mode": spelling, "by": "ann@ops1"}).encode())
        assert answer.status == 200
        assert said(answer).items() >= {"mode": mode, "previous": "primary_only", "by": "ann@ops1"}.items()

    with_server(proxy, scenario)
    assert proxy.modes.asked == [(mode, "ann@ops1", False)]


def test_who_does_not_say_who_asks_is_known_by_the_address() -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        for body in (b'{"mode": "target_only"}', b'{"mode": "target_only", "by": null, "force": null}'):
            assert (await ask(PATH, "POST", body)).status == 200

    with_server(proxy, scenario)
    assert [(by.rpartition(":")[0], force) for _, by, force in proxy.modes.asked] == [
        ("127.0.0.1", False)
    ] * 2


def test_a_refused_switch_says_why_and_what_is_in_force_and_force_is_passed_on() -> None:
    proxy = Proxy(modes=Modes(refusal="no node of the shadow is connected"))

    async def scenario(ask: Ask) -> None:
        refused = await ask(PATH, "POST", b'{"mode": "shadow_primary"}')
        assert refused.status == 409
        assert refused.json == {"error": "no node of the shadow is connected", **proxy.modes.shown()}
        assert said(refused)["mode"] == "primary_only"
        assert (await ask(PATH, "POST", b'{"mode": "shadow_primary", "force": true}')).status == 200
        assert said(await ask(PATH))["mode"] == "shadow_primary"

    with_server(proxy, scenario)


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        ({"expected": "PrimaryOnly"}, 200),
        ({"expected": "primary_only", "expected_since": SINCE}, 200),
        ({"expected": "dual_write_async"}, 409),
        ({"expected_since": SINCE - 1}, 409),
        ({"expected": "dual"}, 400),
    ],
)
def test_a_switch_may_be_for_the_mode_that_was_seen_alone(expected: dict[str, object], status: int) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask(PATH, "POST", json.dumps({"mode": "target_only", **expected}).encode())
        assert answer.status == status
        assert said(await ask(PATH))["mode"] == ("target_only" if status == 200 else "primary_only")
        if status == 400:
            assert (said(answer)["field"], said(answer)["modes"]) == ("expected", list(Mode))

    with_server(Proxy(), scenario)


@pytest.mark.parametrize("name", ["dual", "PRIMARY_ONLY", "off"])
def test_an_unknown_mode_is_answered_with_those_that_exist(name: str) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask(PATH, "POST", json.dumps({"mode": name}).encode())
        assert answer.status == 400
        assert (said(answer)["field"], said(answer)["modes"]) == ("mode", list(Mode))
        error = str(said(answer)["error"])
        assert error.startswith(f"{name!r} is not a mode")
        assert error.endswith(f"(one of {', '.join(Mode)})")

    with_server(proxy, scenario)
    assert proxy.modes.asked == []


BAD_BODIES = [
    ({}, "mode", "is required"),
    ({"mode": 3}, "mode", "must be text, not a number"),
    ({"mode": ""}, "mode", "must not be empty"),
    ({"mode": "TargetOnly", "force": "yes"}, "force", "must be true or false, not text"),
    ({"mode": "TargetOnly", "by": True}, "by", "must be text, not true or false"),
    ({"mode": "TargetOnly", "by": "a\nb"}, "by", "must be one line of at most 200 printable characters"),
    ({"mode": "TargetOnly", "by": "a" * 201}, "by", "must be one line of at most 200 printable characters"),
    ({"mode": "TargetOnly", "expected": 1}, "expected", "must be text, not a number"),
    (
        {"mode": "TargetOnly", "expected_since": "now"},
        "expected_since",
        "must be a number: seconds since the epoch, as GET tells them",
    ),
    (
        {"mode": "TargetOnly", "forced": True},
        "forced",
        "is not known (accepted here: mode, force, by, expected, expected_since)",
    ),
]


@pytest.mark.parametrize(
    ("body", "field", "what"), BAD_BODIES, ids=[str(case[0])[:40] for case in BAD_BODIES]
)
def test_a_bad_body_is_refused_with_the_field(body: dict[str, object], field: str, what: str) -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        answer = await ask(PATH, "POST", json.dumps(body).encode())
        assert (answer.status, answer.json) == (422, {"error": what, "field": field})

    with_server(proxy, scenario)
    assert proxy.modes.asked == []


def test_only_these_methods_are_allowed() -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask(PATH, "DELETE")
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}

    with_server(Proxy(), scenario)
