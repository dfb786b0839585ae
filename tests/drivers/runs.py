"""The three runs of each client, had when they are first asked for."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.drivers.clients import Client
from tests.drivers.dialogue import Dialogue, Line, Server
from tests.drivers.servers import Proxies, Servers
from tests.integration.dead_letters import Letter
from tests.nodes import ProxyProcess

_TIMEOUT = 150.0
"""Seconds from the start of a program, or from an answer to it, until it asks or ends. A few are needed."""
_AT_ONCE = 3
"""Programs that work at the same time: there are two cores."""


def transcript_file(folder: Path, client: Client, way: str) -> Path:
    """Where the transcript of one run is kept; way: direct, proxied or killed."""
    return folder / f"{client.name}.{way}.jsonl"


_Given = TypeVar("_Given")
_Got = TypeVar("_Got")


@dataclass(frozen=True)
class Run:
    """What one run left behind. letters: copies that were given up."""

    keyspace: str
    transcript: list[Line]
    letters: list[Letter]


class Runs:
    """Runs of `clients` on `servers`. What has failed is raised to each who asks for it.

    kept: a folder for the transcripts of runs that have ended well: see `transcript_file`.
    """

    def __init__(self, servers: Servers, clients: Sequence[Client], kept: Path | None = None) -> None:
        self._kept = kept
        self._servers = servers
        self._clients = clients
        self._known: dict[tuple[str, str], Run | Exception] = {}

    def direct(self, client: Client) -> Run:
        """At the primary itself."""
        self._have_plain(client)
        return self._got(client, "direct")

    def proxied(self, client: Client) -> Run:
        """Through a proxy that is restarted when the script says so."""
        self._have_plain(client)
        return self._got(client, "proxied")

    def shadow_killed(self, client: Client) -> Run:
        """As `proxied`; the shadow is killed in the middle, and there again when the program has ended."""
        if (client.name, "killed") not in self._known:
            self._have_killed()
        return self._got(client, "killed")

    def _got(self, client: Client, way: str) -> Run:
        run = self._known[client.name, way]
        if isinstance(run, Exception):
            raise run
        return run

    def _ran(self, client: Client, way: str, run: Run | Exception) -> None:
        self._known[client.name, way] = run
        if self._kept is not None and isinstance(run, Run):
            self._kept.mkdir(parents=True, exist_ok=True)
            lines = (json.dumps(line, ensure_ascii=False) for line in run.transcript)
            transcript_file(self._kept, client, way).write_text("\n".join(lines) + "\n")

    def _have_plain(self, client: Client) -> None:
        if (client.name, "direct") in self._known:
            return
        client.command()  # built before anything runs beside it
        with ThreadPoolExecutor(2) as pool:
            direct = pool.submit(_attempt, self._direct, client)
            proxied = pool.submit(_attempt, self._proxied, client)
            self._ran(client, "direct", direct.result())
            self._ran(client, "proxied", proxied.result())

    def _direct(self, client: Client) -> Run:
        dialogue = self._begin(client, self._servers.direct, f"direct_{client.name}_x")
        while dialogue.asked(_TIMEOUT) is not None:
            dialogue.answer()
        return Run(dialogue.keyspace, dialogue.transcript(self._servers.addresses()), [])

    def _proxied(self, client: Client) -> Run:
        proxies = self._servers.proxies(client.name)
        dialogue = self._begin(client, proxies.server, f"proxy__{client.name}_x")
        _to_the_end(dialogue, proxies.plain)
        return self._ended(dialogue, proxies)

    def _have_killed(self) -> None:
        shadow = self._servers.shadow
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            begun = list(pool.map(lambda client: _attempt(self._to_middle, client), self._clients))
            # They go on, and then the shadow is gone.
            ends = [pool.submit(_attempt, self._from_middle, start) for start in begun]
            shadow.kill()
            ended = [end.result() for end in ends]
        shadow.start()
        for client, end in zip(self._clients, ended, strict=True):
            run = end if isinstance(end, Exception) else _attempt(lambda pair: self._ended(*pair), end)
            self._ran(client, "killed", run)

    def _to_middle(self, client: Client) -> tuple[Dialogue, Proxies]:
        proxies = self._servers.proxies(f"killed-{client.name}")
        dialogue = self._begin(client, proxies.server, f"killed_{client.name}_x")
        asked = dialogue.asked(_TIMEOUT)
        assert asked == "middle", asked
        proxies.plain.wait_copied()
        return dialogue, proxies

    def _from_middle(self, start: tuple[Dialogue, Proxies] | Exception) -> tuple[Dialogue, Proxies]:
        if isinstance(start, Exception):
            raise start
        dialogue, proxies = start
        dialogue.answer()
        _to_the_end(dialogue, proxies.plain)
        return dialogue, proxies

    def _begin(self, client: Client, server: Server, keyspace: str) -> Dialogue:
        return Dialogue(client, server, keyspace, self._servers.settings, root=self._servers.root)

    def _ended(self, dialogue: Dialogue, proxies: Proxies) -> Run:
        letters = proxies.settle()
        transcript = dialogue.transcript(self._servers.addresses())
        proxies.stop()
        return Run(dialogue.keyspace, transcript, letters)


def _to_the_end(dialogue: Dialogue, proxy: ProxyProcess) -> None:
    while (asked := dialogue.asked(_TIMEOUT)) is not None:
        if asked == "restart":
            proxy.stop()
            proxy.start()
        dialogue.answer()


def _attempt(act: Callable[[_Given], _Got], given: _Given) -> _Got | Exception:
    try:
        return act(given)
    except Exception as error:
        return error
