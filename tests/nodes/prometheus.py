"""A real Prometheus, which scrapes proxies and judges alert rules."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import yaml

from bootstrap.prometheus import programs
from tests.nodes.addresses import loopback_address
from tests.nodes.process import GuardedProcess

_PORT = 9090
_READY = "Server is ready to receive web requests."
_START_TIMEOUT = 30.0
_POLL = 0.1


class Active(NamedTuple):
    """An alert that is pending or fires."""

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class PrometheusServer:
    """Scrapes `targets` (``address:port``) as the job cqlproxy while the ``with`` block lasts.

    `rules`: the content of a file of rules. `interval`: how often it scrapes and judges, such as ``500ms``.
    """

    def __init__(self, targets: Iterable[str], rules: str, *, interval: str, root: Path) -> None:
        self.name = "prometheus"
        self.address = loopback_address()
        self._place = root / self.name
        self._place.mkdir()
        (self._place / "alerts.yaml").write_text(rules)
        jobs = [{"job_name": "cqlproxy", "static_configs": [{"targets": list(targets)}]}]
        settings = {
            "global": {
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "evaluation_interval": interval,
            },
            "rule_files": ["alerts.yaml"],
            "scrape_configs": jobs,
        }
        (self._place / "prometheus.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        self._root = root
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        self._process = GuardedProcess(
            self.name,
            [
                programs().prometheus,
                f"--config.file={self._place / 'prometheus.yaml'}",
                f"--storage.tsdb.path={self._place / 'data'}",
                f"--web.listen-address={self.address}:{_PORT}",
            ],
            log=self._place / "prometheus.log",
            remove=self._root,
        )
        self._process.wait_listening(self.address, _PORT, _START_TIMEOUT)
        self.wait_until(self._is_ready, _START_TIMEOUT, what="readiness")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()

    def query(self, expr: str) -> list[dict[str, str]]:
        """The labels of what an instant query returns now; a number has none."""
        data = self._get("/api/v1/query", query=expr)
        found = data["result"]
        assert isinstance(found, list)
        return [{}] if data["resultType"] == "scalar" else [series["metric"] for series in found]

    def alerts(self) -> list[Active]:
        """Those that are pending or fire."""
        found = self._get("/api/v1/alerts")["alerts"]
        assert isinstance(found, list)
        return [
            Active(alert["labels"]["alertname"], alert["state"], alert["labels"], alert["annotations"])
            for alert in found
        ]

    def wait_until(self, holds: Callable[[], bool], timeout: float, *, what: str) -> None:
        """Wait until it holds, at most `timeout` seconds; `what` is for the error."""
        assert self._process is not None
        deadline = time.monotonic() + timeout
        while not holds():
            if self._process.wait(_POLL):
                raise self._process.error(f"ended with status {self._process.status}")
            if time.monotonic() > deadline:
                raise self._process.error(f"did not come to {what} within {timeout:g} s")

    def log_tail(self, lines: int = 40) -> str:
        """The last `lines` lines of its log."""
        return self._process.log_tail(lines) if self._process is not None else "(never started)"

    def _is_ready(self) -> bool:
        return _READY in self.log_tail()

    def _get(self, path: str, **parameters: str) -> dict[str, object]:
        words = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://{self.address}:{_PORT}{path}?{words}", timeout=20) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise ValueError(f"{path}: {parameters}: {json.load(refusal)['error']}") from refusal
        data: dict[str, object] = said["data"]
        return data
