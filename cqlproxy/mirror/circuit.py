"""Whether the target is tried at all: a circuit breaker, so that a dead or sick one is spared.

Failures in a row open the circuit: nothing is sent for a while. Then it is half open: a few copies are sent
as probes; some that arrive close it, one that fails opens it again. What says something of the copy and
nothing of the target is no failure here. Only attempts that fail while the circuit is closed count against a
copy, so that none is given up because the target was away.
"""

from __future__ import annotations

from typing import Final

from cqlproxy.cluster.circuit import CircuitState

FAILURES_TO_OPEN: Final = 5
OPEN_SECONDS: Final = 30.0
"""How long nothing is sent, unless an operator says otherwise."""
PROBES: Final = 3
"""Copies under way at the same time while the circuit is half open."""
SUCCESSES_TO_CLOSE: Final = 3


class Circuit:
    """The state, and what in a row leads to the next. Times are those of one clock, in seconds."""

    __slots__ = ("_in_a_row", "_since", "open_seconds", "state")

    def __init__(self, open_seconds: float = OPEN_SECONDS) -> None:
        self.open_seconds = open_seconds
        """How long nothing is sent once it is open."""
        self.state = CircuitState.CLOSED
        self._in_a_row = 0
        """Failures while it is closed, successes while it is half open."""
        self._since = float("-inf")

    @property
    def reopens_at(self) -> float:
        """When an open circuit becomes half open."""
        return self._since + self.open_seconds

    def succeeded(self) -> bool:
        """The target answered. Returns whether the state has changed."""
        if self.state is CircuitState.CLOSED:
            self._in_a_row = 0
            return False
        if self.state is CircuitState.OPEN:
            # Sent before it opened: the target is not as dead as it seemed.
            self.try_again(self._since)
            self._in_a_row = 1
            return True
        self._in_a_row += 1
        if self._in_a_row < SUCCESSES_TO_CLOSE:
            return False
        self.state = CircuitState.CLOSED
        self._in_a_row = 0
        return True

    def failed(self, sent: float, now: float) -> bool:
        """The target failed on what was sent at ``sent``. Returns whether the state has changed."""
        if self.state is CircuitState.OPEN:
            return False
        if self.state is CircuitState.HALF_OPEN:
            # What was sent before is no probe.
            if sent < self._since:
                return False
        else:
            self._in_a_row += 1
            if self._in_a_row < FAILURES_TO_OPEN:
                return False
        self.state = CircuitState.OPEN
        self._since = now
        self._in_a_row = 0
        return True

    def try_again(self, now: float) -> bool:
        """Half open from now on, if it was open: its time has passed, or a node was connected."""
        if self.state is not CircuitState.OPEN:
            return False
        self.state = CircuitState.HALF_OPEN
        self._since = now
        self._in_a_row = 0
        return True
