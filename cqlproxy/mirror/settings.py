"""What an operator sets of a mirror: its bounds, its patience, and what becomes of copies that do not fit."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from cqlproxy.mirror.circuit import OPEN_SECONDS


class Overflow(StrEnum):
    """What becomes of a copy for which there is no room in memory."""

    SPILL = "spill"
    """It goes to the journal; without one it is dropped and counted."""
    DROP = "drop"
    """It is dropped and counted."""
    BLOCK = "block"
    """The client's answer waits until there is room."""


class JournalUse(StrEnum):
    """Which copies the journal takes."""

    OFF = "off"
    OVERFLOW = "overflow"
    """What memory cannot hold, and what is left at shutdown."""
    ALWAYS = "always"
    """Every copy, before the client has its answer."""


class MirrorSettings(NamedTuple):
    """The settings of one mirror; two mirrors may share them."""

    max_requests: int
    """Copies in memory at the same time, those under way included."""
    max_bytes: int
    """Their bytes. A single copy that is larger is taken from the journal when memory holds no other."""
    timeout: float
    """Seconds for one attempt."""
    overflow: Overflow = Overflow.SPILL
    retry_interval: float = 1.0
    """Seconds before the first repetition; those after it double, with jitter."""
    max_retry_attempts: int = 10
    """Failed attempts after which a copy is a dead letter; see ``circuit`` for which of them count."""
    circuit_open_seconds: float = OPEN_SECONDS
    """Seconds in which nothing is sent to a target that fails, unless a node of it is connected."""
    replay_rate: float = 20_000.0
    """Copies per second that are taken from the journal, at most."""
    journal: JournalUse = JournalUse.OVERFLOW
    sync_failure: Literal["fail", "queue"] = "fail"
    """What a client whose write is awaited on both clusters sees when the copy fails."""
