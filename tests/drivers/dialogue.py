"""One run of one client's program: started, answered when it asks, and what it wrote down."""

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.environments import CHECKOUT
from tests.drivers.clients import Client
from tests.nodes import GuardedProcess

_POLL = 0.02

# The program's own output, apart from its log, and a line to it now and then.
_SHELL = 'exec "$@" < "$DIALOGUE_IN" > "$DIALOGUE_OUT"'

Line = dict[str, object]


@dataclass(frozen=True)
class Server:
    """Where a program connects: ``CQL_HOST``, ``CQL_AUTH_HOST`` and ``CQL_TLS_HOST``, all on port 9042."""

    plain: str
    auth: str
    tls: str


class Dialogue:
    """A program under way. `settings` are variables of its environment beside those that `server` makes."""

    def __init__(
        self, client: Client, server: Server, keyspace: str, settings: Mapping[str, str], *, root: Path
    ) -> None:
        self.client = client
        self.keyspace = keyspace
        self._output = root / f"{keyspace}.jsonl"
        self._output.touch()
        questions = root / f"{keyspace}.answers"
        os.mkfifo(questions)
        # For both directions, so that neither side waits for the other to open it.
        self._answers = os.open(questions, os.O_RDWR)
        self._lines: list[Line] = []
        self._read = 0
        self._process = GuardedProcess(
            f"{client.name} in {keyspace}",
            ["/bin/sh", "-c", _SHELL, "sh", *client.command()],
            log=root / f"{keyspace}.log",
            cwd=CHECKOUT,
            environment={
                **os.environ,
                **client.environment,
                **settings,
                "CQL_HOST": server.plain,
                "CQL_AUTH_HOST": server.auth,
                "CQL_TLS_HOST": server.tls,
                "CQL_PORT": "9042",
                "CQL_AUTH_PORT": "9042",
                "CQL_TLS_PORT": "9042",
                "CQL_KEYSPACE": keyspace,
                "DIALOGUE_IN": str(questions),
                "DIALOGUE_OUT": str(self._output),
            },
        )

    def asked(self, timeout: float) -> str | None:
        """What the program asks next, and waits for; None when it has ended well instead.

        Raises `tests.nodes.ProcessError` when it fails or takes more than `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            ended = self._process.wait(_POLL)
            for line in self._more():
                if "ask" in line:
                    return str(line["ask"])
                self._lines.append(line)
            if ended:
                os.close(self._answers)
                if self._process.status != 0:
                    raise self._process.error(
                        f"ended with status {self._process.status}, after {self._last()}"
                    )
                return None
            if time.monotonic() > deadline:
                self.stop()
                raise self._process.error(f"took longer than {timeout:g} s, after {self._last()}")

    def answer(self) -> None:
        """Let it go on with what it asked for done."""
        os.write(self._answers, b"done\n")

    def stop(self) -> None:
        """End it if it still runs."""
        self._process.stop(grace=5)

    def transcript(self, addresses: list[str]) -> list[Line]:
        """What it wrote down, at its end; with KEYSPACE and HOST for its keyspace and these addresses."""
        said = json.dumps(self._lines)
        for address in sorted(addresses, key=len, reverse=True):
            said = re.sub(rf"(?<![0-9.]){re.escape(address)}(?![0-9.]*[0-9])", "HOST", said)
        lines: list[Line] = json.loads(said.replace(self.keyspace, "KEYSPACE"))
        return lines

    def _more(self) -> list[Line]:
        with self._output.open("rb") as output:
            output.seek(self._read)
            data = output.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def _last(self) -> str:
        return json.dumps(self._lines[-1]) if self._lines else "nothing"
