"""How requests are served in a write mode: which cluster answers, and how a write reaches the other.

A route is fixed once made. A switch of the mode gives clients new ones; what is under way keeps the one
that it began with.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.prepared import PreparedStatement, PreparedStatements
from cqlproxy.cluster.side import Side
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode


class Manner(Enum):
    """When the copy of a write is taken, seen from the client's answer."""

    ALONE = "not copied"
    AFTERWARDS = "after the answer"
    TAKEN_FIRST = "the answer waits until the copy is in the journal, or has room in the queue"
    BESIDE = "at the same time as the write, and the answer waits for both"


def _none(start: bytes) -> PreparedStatement | None:
    return None


class Serving(NamedTuple):
    """What a mode says: who answers, and whether and when the other cluster is written."""

    side: Side
    copied: bool
    awaited: bool


SERVING = {
    Mode.PRIMARY_ONLY: Serving(Side.PRIMARY, copied=False, awaited=False),
    Mode.DUAL_WRITE_ASYNC: Serving(Side.PRIMARY, copied=True, awaited=False),
    Mode.DUAL_WRITE_SYNC: Serving(Side.PRIMARY, copied=True, awaited=True),
    Mode.SHADOW_PRIMARY: Serving(Side.SHADOW, copied=True, awaited=False),
    Mode.TARGET_ONLY: Serving(Side.SHADOW, copied=False, awaited=False),
}


class Route:
    """One mode, for the clients of one protocol version.

    ``backend`` is the cluster that answers, spoken to in that version; ``prepared`` what these clients have
    prepared, on whichever cluster. ``mirror`` delivers to the other cluster, None when nothing is copied.
    ``stamps``: whether a mutation without a write time gets one. ``marks_pages``: whether paging states tell
    which cluster a read began on. ``elsewhere`` is the route for a read that began on the other cluster,
    None where there is no other.
    """

    __slots__ = (
        "afterwards",
        "backend",
        "elsewhere",
        "executed",
        "manner",
        "marks_pages",
        "mirror",
        "prepared",
        "side",
        "stamps",
    )

    def __init__(
        self,
        side: Side,
        backend: Backend,
        prepared: PreparedStatements,
        *,
        manner: Manner = Manner.ALONE,
        mirror: Mirror | None = None,
        stamps: bool = False,
        marks_pages: bool = False,
        elsewhere: Route | None = None,
    ) -> None:
        self.side = side
        self.backend = backend
        self.prepared = prepared
        self.executed = _none if manner is Manner.BESIDE else prepared.executed
        """From the first bytes of an EXECUTE to its statement, if it may be a usual one."""
        self.manner = manner
        self.mirror = mirror
        self.afterwards = mirror if manner is Manner.AFTERWARDS else None
        """The mirror, where copies are offered to it after the answer and nothing waits for them."""
        self.stamps = stamps
        self.marks_pages = marks_pages
        self.elsewhere = elsewhere

    def as_user(self, backend: Backend, elsewhere: Route | None) -> Route:
        """The same for one user: ``backend`` is the cluster that answers, under the account used for them."""
        return Route(
            self.side,
            backend,
            self.prepared,
            manner=self.manner,
            mirror=self.mirror,
            stamps=self.stamps,
            marks_pages=self.marks_pages,
            elsewhere=elsewhere,
        )
