"""A server of the admin port on the test's event loop, and a client in a thread that asks it over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import uvloop
from pydantic import SecretStr

from cqlproxy.admin import AdminServer
from cqlproxy.admin.view import LettersView
from cqlproxy.exposition import Exposition
from cqlproxy.live import RecentEvents, Recorder
from cqlproxy.metrics import JournalState, Metrics
from cqlproxy.modes import Mode
from cqlproxy.rules_in_force import RulesInForce
from cqlproxy.status import status
from filters import Governor, Rules
from tests.unit.admin.contract import check
from tests.unit.admin.mirrors import Mirrors
from tests.unit.admin.modes import Modes
from tests.unit.admin.settings import Settings
from tests.unit.admin.writes import Writes


@dataclass
class Proxy:
    """What a proxy shows of itself."""

    reasons: list[str] = field(default_factory=list)
    metrics: Metrics = field(default_factory=lambda: Metrics(Mode.PRIMARY_ONLY))
    modes: Modes = field(default_factory=Modes)
    config: Settings = field(default_factory=Settings)
    writes: Writes = field(default_factory=Writes)
    mirrors: Mirrors = field(default_factory=Mirrors)
    letters: LettersView | None = None
    replays: int = 0
    """How often the backlog was said to have grown."""
    broken: bool = False
    governor: Governor = field(default_factory=lambda: Governor(Rules()))
    events: RecentEvents = field(default_factory=RecentEvents)
    _rules: RulesInForce | None = None
    _live: Recorder | None = None

    @property
    def live(self) -> Recorder:
        if self._live is None:
            self._live = Recorder(self.metrics, self.events)
        return self._live

    @property
    def rules(self) -> RulesInForce:
        if self._rules is None:
            self._rules = RulesInForce(self.governor, (), self.metrics)
        return self._rules

    def ready(self) -> tuple[bool, list[str]]:
        return not self.reasons, self.reasons

    def stats(self) -> dict[str, object]:
        if self.broken:
            raise KeyError("nothing there")
        return self.metrics.snapshot()

    def status(self) -> dict[str, object]:
        return status(
            self.metrics,
            reasons=self.reasons,
            mode=self.modes.shown(),
            clusters={"primary": True, "shadow": False},
            mirrors=self.mirrors.shown(),
            journal=None if self.letters is None else JournalState(),
            rules=self.rules.shown_in_short(),
        )

    def count_admin_refused(self) -> None:
        self.metrics.admin_refused += 1

    async def metrics_text(self, accept: str) -> tuple[bytes, str]:
        return await Exposition(self.metrics).render(accept)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


Ask = Callable[..., Awaitable[Answer]]


def ask_port(
    port: int,
    path: str,
    method: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    if tls is not None:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
    finally:
        connection.close()


def with_server(
    proxy: Proxy,
    scenario: Callable[[Ask], Awaitable[None]],
    token: Callable[[], SecretStr | None] = lambda: None,
) -> None:
    """Run `scenario` on uvloop, as the proxy does, against a server for `proxy`."""

    async def run() -> None:
        server = AdminServer("127.0.0.1", 0, proxy, token=token)
        await server.start()

        async def ask(
            path: str,
            method: str = "GET",
            body: bytes | None = None,
            headers: Mapping[str, str] | None = None,
        ) -> Answer:
            answer = await asyncio.to_thread(ask_port, server.port, path, method, body, headers)
            check(method, path, answer.status, answer.headers.get("content-type", ""), answer.body)
            return answer

        try:
            await scenario(ask)
        finally:
            await proxy.rules.stop()
            await server.stop()

    uvloop.run(run())
