"""Whether requests are sent to a node: one on which they all time out is passed over, where there are others.

A node may be connected, answer heartbeats and yet do no work: a disk that hangs, a queue that stands still.
So timeouts are counted, in a row: with no answer to any request in between. Enough of them open the node's
circuit: requests go to other nodes. After a while, and once nothing is under way there any more, the proxy
asks it something itself, so that no client pays for the trial. Any answer makes the circuit half open:
clients' requests are sent there again, but no more than come within one look at it, until one of them is
answered, which closes the circuit, or times out, which opens it again.

Pure: the times are given. Nodes that are silent altogether are the business of heartbeat.py.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class CircuitState(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitSettings(NamedTuple):
    """When a circuit opens, and for how long."""

    timeouts: int = 10
    """In a row; 0: it never opens."""
    open_seconds: float = 10.0


DEFAULT: Final = CircuitSettings()


class Turn(Enum):
    """What a look at a circuit has come to."""

    NONE = "nothing new"
    OPENED = "opened"
    ASK = "it is time to ask the node something"
    HALF_OPENED = "half opened"
    CLOSED = "closed"


class NodeCircuit:
    """The circuit of one node. Each pool of connections to it notes what it saw; then it is looked at."""

    __slots__ = (
        "_answered",
        "_ask_at",
        "_in_a_row",
        "_late",
        "_settings",
        "_under_way",
        "passes_over",
        "state",
    )

    def __init__(self, settings: CircuitSettings = DEFAULT) -> None:
        self._settings = settings
        self.close()

    def close(self) -> None:
        """Begin anew: the node was connected to."""
        self.state = CircuitState.CLOSED
        self.passes_over = False
        """Whether requests are to go to other nodes."""
        self._in_a_row = 0
        self._ask_at = 0.0
        self._forget()

    def _forget(self) -> None:
        self._late = self._under_way = 0
        self._answered = False

    def note(self, late: int, answered: bool, under_way: int) -> None:
        """Since the last look ``late`` requests have timed out, and some were ``answered`` or none.

        ``under_way``: those that wait for an answer now.
        """
        self._late += late
        self._answered = self._answered or answered
        self._under_way += under_way

    def look(self, now: float) -> Turn:
        """What follows from what was noted since the last look; ``now`` in seconds."""
        late, answered, under_way = self._late, self._answered, self._under_way
        self._forget()
        if self.state is CircuitState.CLOSED:
            self._in_a_row = 0 if answered else self._in_a_row + late
            if self._settings.timeouts and self._in_a_row >= self._settings.timeouts:
                return self._open(now)
            return Turn.NONE
        if self.state is CircuitState.OPEN:
            if answered:
                self.state = CircuitState.HALF_OPEN
                self.passes_over = False
                return Turn.HALF_OPENED
            # What was sent before it opened must not be taken for the trial.
            if now < self._ask_at or under_way:
                return Turn.NONE
            self._ask_at = now + self._settings.open_seconds
            return Turn.ASK
        if answered:
            self.close()
            return Turn.CLOSED
        if late:
            return self._open(now)
        self.passes_over = under_way > 0
        return Turn.NONE

    def _open(self, now: float) -> Turn:
        self.state = CircuitState.OPEN
        self.passes_over = True
        self._in_a_row = 0
        self._ask_at = now + self._settings.open_seconds
        return Turn.OPENED
