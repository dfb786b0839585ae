"""Each key that can be changed while the proxy runs is put in force somewhere."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from cqlproxy.applied_settings import AppliedSettings, mirror_settings, reads
from cqlproxy.config import Config, changed_config, load_config
from cqlproxy.config.keys import CHANGEABLE
from cqlproxy.journal import Journal
from cqlproxy.mirror.settings import MirrorSettings
from cqlproxy.mirror.worker import Mirror
from cqlproxy.routing.reads import PLAIN_READS, Read, Reads
from cqlproxy.routing.router import Router
from cqlproxy.validation.validator import Validator

COMPARED = Reads(Read)


class Noted:
    """A mirror, a router and a validator that note what they are told."""

    def __init__(self) -> None:
        self.settings: MirrorSettings | None = None
        self.made_with: Reads | None = None
        self.used: tuple[float, float] | None = None
        self.reads = COMPARED
        self.journal_bytes = 0

    def use_settings(self, settings: MirrorSettings) -> None:
        self.settings = settings

    def use_reads(self, reads: Reads) -> None:
        self.made_with = reads

    def use_max_bytes(self, max_bytes: int) -> None:
        self.journal_bytes = max_bytes

    def use(self, share: float, recheck_after: float) -> None:
        self.used = share, recheck_after


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "proxy.yaml"
    path.write_text("{primary: {contact_points: [a]}, shadow: {contact_points: [b]}, mode: primary_only}")
    return load_config(path, {})


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def applied(config: Config, noted: Noted) -> AppliedSettings:
    return AppliedSettings(
        config,
        mirrors=[cast(Mirror, noted)],
        journal=cast(Journal, noted),
        router=cast(Router, noted),
        validator=cast(Validator, noted),
    )


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.captureWarnings(False)


def test_there_is_an_applier_for_each_key_but_the_mode(applied: AppliedSettings) -> None:
    assert applied.appliers.keys() == CHANGEABLE - {"mode"}


@pytest.mark.parametrize(
    ("key", "value", "field", "becomes"),
    [
        ("mirror.max_requests", 7, "max_requests", 7),
        ("mirror.max_bytes", "1MiB", "max_bytes", 2**20),
        ("mirror.shadow_timeout_ms", 500, "timeout", 0.5),
        ("mirror.retry_interval_secs", 3, "retry_interval", 3.0),
        ("mirror.max_retry_attempts", 0, "max_retry_attempts", 0),
        ("mirror.circuit_open_seconds", 4, "circuit_open_seconds", 4.0),
        ("mirror.replay_rate", 9, "replay_rate", 9),
    ],
)
def test_mirrors_are_told(
    config: Config,
    applied: AppliedSettings,
    noted: Noted,
    key: str,
    value: object,
    field: str,
    becomes: object,
) -> None:
    changed = changed_config(config, {key: value}, Path())
    applied.appliers[key](changed)
    assert noted.settings is not None
    assert noted.settings._asdict() == {**mirror_settings(config)._asdict(), field: becomes}


def test_the_journal_is_told(config: Config, applied: AppliedSettings, noted: Noted) -> None:
    key = "mirror.journal_max_bytes"
    applied.appliers[key](changed_config(config, {key: "1GiB"}, Path()))
    assert noted.journal_bytes == 2**30


def test_reads_are_compared_or_not(config: Config, applied: AppliedSettings, noted: Noted) -> None:
    assert reads(config, cast(Validator, noted)) is PLAIN_READS
    some = changed_config(config, {"validation_percentage": 5, "validation_recheck_ms": 250}, Path())
    for key in ("validation_percentage", "validation_recheck_ms"):
        applied.appliers[key](some)
        assert (noted.made_with, noted.used) == (COMPARED, (0.05, 0.25))
    applied.appliers["validation_percentage"](config)
    assert noted.made_with is PLAIN_READS
    assert reads(some, None) is PLAIN_READS


def test_the_drain_at_the_end(config: Config, applied: AppliedSettings) -> None:
    assert applied.drain_seconds == 5
    applied.appliers["shutdown_drain_seconds"](changed_config(config, {"shutdown_drain_seconds": 0}, Path()))
    assert applied.drain_seconds == 0


def test_the_log(config: Config, applied: AppliedSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr("sys.stderr", output)
    changed = changed_config(config, {"log.level": "debug", "log.format": "json"}, Path())
    applied.appliers["log.level"](changed)
    logging.getLogger("cqlproxy.some").debug("here")
    assert '"message": "here"' in output.getvalue()
