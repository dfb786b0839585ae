"""What can be wrong with a node, as far as those who talk to it can tell; `relay.Relay` plays it.

"Application requests" are QUERY, PREPARE, EXECUTE and BATCH, except a QUERY of the system tables, which is a
driver's own. Handshakes, heartbeats (OPTIONS) and REGISTER are never answered by the relay.
"""

from dataclasses import dataclass

from frame_codec import ErrorResponse


@dataclass(frozen=True)
class Healthy:
    """Nothing is wrong."""


@dataclass(frozen=True)
class Refused:
    """The process is gone: open connections are reset, new ones refused."""


@dataclass(frozen=True)
class Blackholed:
    """The network is gone: what is sent on open connections is lost without a word, a SYN gets no answer.

    When it ends, connections from before are reset, as by a firewall that has forgotten them.
    """


@dataclass(frozen=True)
class NeverReading:
    """The process hangs: connections are accepted, nothing is read and so nothing answered.

    When it ends, all that was sent is read and carried out, also what came on connections closed since.
    """


@dataclass(frozen=True)
class Slow:
    """Requests are carried out at once; each answer, handshakes and heartbeats included, is late."""

    seconds: float


@dataclass(frozen=True)
class LateAnswers:
    """Requests with these bytes in them are answered late, and no others are held up by that."""

    to: bytes
    seconds: float


@dataclass(frozen=True)
class Failing:
    """Application requests fail.

    error: the answer; None for no answer at all. applied: whether the node carries the request out first.
    every: the first of so many requests, so 1 is each.
    """

    error: ErrorResponse | None
    applied: bool = False
    every: int = 1


@dataclass(frozen=True)
class Forgetful:
    """Each EXECUTE of a statement that was not prepared since this began is answered UNPREPARED."""


Fault = Healthy | Refused | Blackholed | NeverReading | Slow | LateAnswers | Failing | Forgetful
