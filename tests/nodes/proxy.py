"""The proxy as its users run it: a process of its own with a configuration file, watched over HTTP."""

import http.client
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import yaml

from bootstrap.environments import CHECKOUT
from tests.nodes.addresses import ADMIN_PORT, NATIVE_PORT
from tests.nodes.process import GuardedProcess, ProcessError

PROGRAM = ("-m", "cqlproxy")
"""What Python is told to run."""

_START_TIMEOUT = 30.0
_STOP_GRACE = 30.0
_POLL = 0.05
_RULES_FILE = "rules.yaml"


class ContactPoint(Protocol):
    """A cluster, by the node that is asked for the others."""

    address: str
    port: int


def proxy_settings(
    address: str, primary: ContactPoint, shadow: ContactPoint | None, /, **changes: object
) -> dict[str, object]:
    """The content of a proxy.yaml: listening at `address`, between these clusters.

    Each of `changes` replaces a top-level key, or is merged into it where both are mappings:
    ``mirror={"max_requests": 10}`` or ``mode="primary_only"``.
    """
    settings: dict[str, object] = {
        "listen": {"host": address, "port": NATIVE_PORT},
        "primary": {
            "contact_points": [primary.address],
            "port": primary.port,
            "local_datacenter": "datacenter1",
        },
        "mode": "dual_write_async",
        "admin": {"host": address, "port": ADMIN_PORT},
    }
    if shadow is not None:
        settings["shadow"] = {"contact_points": [shadow.address], "port": shadow.port}
    for key, change in changes.items():
        ours = settings.get(key)
        settings[key] = (
            {**ours, **change} if isinstance(ours, dict) and isinstance(change, Mapping) else change
        )
    return settings


class ProxyProcess:
    """``cqlproxy serve`` with its files in ``root/name``.

    `settings` is the content of proxy.yaml, `rules` what stands under ``filters:`` in its rules file; without
    rules nothing is held back. `program`: what is run instead of `PROGRAM`, and takes the same arguments.
    rules nothing is held back. `environment`: variables beside those of this program.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        root: Path,
        *,
        rules: Mapping[str, object] | None = None,
        name: str = "proxy",
        program: Sequence[str | Path] = PROGRAM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.config_file = root / name / "proxy.yaml"
        self.rules_file = root / name / _RULES_FILE
        self.log = root / name / "proxy.log"
        self._root = root
        self._program = tuple(program)
        self._settings = dict(settings)
        self._environment = dict(environment or {})
        self._process: GuardedProcess | None = None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if rules is not None:
            self._settings.setdefault("filters", {"rules_file": _RULES_FILE})
            self.write_rules(rules)
        self.config_file.write_text(yaml.safe_dump(self._settings, sort_keys=False))

    @property
    def address(self) -> str:
        """Where it listens for CQL."""
        return str(self._endpoint("listen")[0])

    @property
    def port(self) -> int:
        """The port where it listens for CQL."""
        return self._endpoint("listen")[1]

    def is_running(self) -> bool:
        """Whether the process exists."""
        return self._process is not None and self._process.is_running()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._current().pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return None if self.is_running() else self._current().status

    def write_rules(self, rules: Mapping[str, object]) -> None:
        """Replace the rules file."""
        self.rules_file.write_text(yaml.safe_dump({"filters": dict(rules)}, sort_keys=False))

    def start(self) -> None:
        """`launch`, then `wait_ready`."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process and return at once; raises `ProcessError` when it runs already."""
        if self.is_running():
            raise ProcessError(f"{self.name} runs already")
        command: list[str | Path] = [sys.executable, *self._program, "serve", "-c", self.config_file]
        self._process = GuardedProcess(
            self.name,
            command,
            log=self.log,
            remove=self._root,
            cwd=CHECKOUT,
            environment={**os.environ, **self._environment},
        )

    def wait_ready(self, timeout: float = _START_TIMEOUT) -> None:
        """Wait until ``/ready`` says so, at most `timeout` seconds.

        Raises `ProcessError` with the end of its log when it ends before, or takes longer.
        """
        process = self._current()
        deadline = time.monotonic() + timeout
        while True:
            try:
                status, _ = self.get("/ready")
            except OSError:
                status = 0  # it does not listen yet
            if status == http.HTTPStatus.OK:
                return
            if process.wait(_POLL):
                raise process.error(f"ended with status {process.status}")
            if time.monotonic() > deadline:
                raise process.error(f"was not ready within {timeout:g} s")

    def wait_ended(self, timeout: float) -> int:
        """Its exit status, once it has ended by itself; raises `ProcessError` when it takes longer."""
        process = self._current()
        if not process.wait(timeout) or process.status is None:
            raise process.error(f"did not end within {timeout:g} s")
        return process.status

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that takes too long; nothing when it does not run."""
        if self._process is not None:
            self._process.stop(_STOP_GRACE)

    def kill(self) -> None:
        """SIGKILL; nothing when it does not run."""
        if self._process is not None:
            self._process.kill()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._current().send(number)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of ``GET path`` on its admin port; raises `OSError` when it does not answer.

        By TLS and with the token, where its settings have them.
        """
        host, port = self._endpoint("admin")
        admin = self._settings["admin"]
        assert isinstance(admin, Mapping)
        connection = http.client.HTTPConnection(host, port, timeout=5)
        if "tls" in admin:
            tls = ssl.create_default_context(cafile=admin["tls"]["cert_file"])
            tls.check_hostname = False
            tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            connection = http.client.HTTPSConnection(host, port, timeout=5, context=tls)
        headers = {"Authorization": f"Bearer {admin['token']}"} if "token" in admin else {}
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{path}: {error!r}") from error
        finally:
            connection.close()

    def stats(self) -> dict[str, object]:
        """What ``/stats`` says now."""
        _, body = self.get("/stats")
        said: dict[str, object] = json.loads(body)
        return said

    def count(self, name: str) -> float:
        """One number of `stats`; raises `KeyError` or `TypeError` when there is no such number."""
        value = self.stats()[name]
        if not isinstance(value, int | float):
            raise TypeError(f"{name} is {value!r}, not a number")
        return value

    def wait_until(self, holds: Callable[[dict[str, object]], bool], timeout: float, *, what: str) -> None:
        """Wait until `holds` is true of its stats, at most `timeout` seconds; `what` is for the error."""
        process = self._current()
        deadline = time.monotonic() + timeout
        while not holds(stats := self.stats()):
            if process.wait(_POLL):
                raise process.error(f"ended with status {process.status} before {what}")
            if time.monotonic() > deadline:
                raise process.error(f"did not come to {what} within {timeout:g} s; its stats: {stats}")

    def wait_copied(self, timeout: float = 30.0) -> None:
        """Wait until no copy is queued or on its way to the shadow, at most `timeout` seconds."""
        self.wait_until(
            lambda stats: stats["queue_depth"] == 0 and stats["in_flight_copies"] == 0,
            timeout,
            what="an empty queue of copies",
        )

    def log_tail(self, lines: int = 40) -> str:
        """The last `lines` lines of what it wrote to its error output."""
        return self._process.log_tail(lines) if self._process is not None else "(never started)"

    def _current(self) -> GuardedProcess:
        if self._process is None:
            raise ProcessError(f"{self.name} was never started")
        return self._process

    def _endpoint(self, key: str) -> tuple[str, int]:
        part = self._settings[key]
        assert isinstance(part, Mapping)
        return part["host"], part["port"]
