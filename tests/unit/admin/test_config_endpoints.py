"""`/config` over HTTP: shown, changed in whole or not at all, and asked in ways that are wrong."""

from __future__ import annotations

import json

import pytest

from tests.unit.admin.asking import Ask, Proxy, with_server
from tests.unit.admin.settings import Settings


def test_the_settings_in_force_are_shown_and_changed() -> None:
    proxy = Proxy()

    async def scenario(ask: Ask) -> None:
        assert (await ask("/config")).json == proxy.config.shown()
        for changed in ({"log.level": {"from": "info", "to": "debug"}}, {}):
            answer = await ask("/config", "PATCH", b'{"set": {"log.level": "debug"}, "by": "ann@ops1"}')
            assert (answer.status, answer.json) == (200, {**proxy.config.shown(), "changed": changed})
        assert (await ask("/config/schema")).json == {"type": "object"}

    with_server(proxy, scenario)
    assert proxy.config.asked == [({"log.level": "debug"}, "ann@ops1")] * 2


BAD_BODIES: list[tuple[object, int, str | None, str]] = [
    ({}, 422, "set", "is required"),
    ({"set": {}}, 422, "set", "must name at least one key"),
    ({"set": ["log.level"]}, 422, "set", "must be an object, not an array"),
    ({"set": {"log.level": "debug"}, "who": "me"}, 422, "who", "is not known (accepted here: set, by)"),
    ({"set": {"log.levle": "debug"}}, 422, "set.log.levle", "is not a known key"),
    ({"set": {"log.level": "loud"}}, 422, "set.log.level", "must be one of info, debug"),
    ({"set": {"log.level": "debug", "listen.port": 1}}, 409, "set.listen.port", "needs a restart"),
    ([], 422, None, "the body must be a JSON object with set, by, not an array"),
]


@pytest.mark.parametrize(("body", "status", "field", "what"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_change_is_refused_with_the_field(
    body: object, status: int, field: str | None, what: str
) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/config", "PATCH", json.dumps(body).encode())
        assert (answer.status, answer.json) == (status, {"error": what, "field": field})

    proxy = Proxy()
    with_server(proxy, scenario)
    assert proxy.config == Settings(asked=proxy.config.asked)


def test_every_field_at_fault_is_named() -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("/config", "PATCH", b'{"set": {"a": 1, "b": 2}}')
        assert answer.json == {
            "error": "is not a known key",
            "field": "set.a",
            "fields": [
                {"field": "set.a", "error": "is not a known key"},
                {"field": "set.b", "error": "is not a known key"},
            ],
        }

    with_server(Proxy(), scenario)
