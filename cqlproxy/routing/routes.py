"""The routes in force, by protocol version: made anew when the write mode is switched."""

from __future__ import annotations

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.prepared import PreparedStatements
from cqlproxy.cluster.side import Side
from cqlproxy.cluster.versions import VersionedCluster
from cqlproxy.mirror.worker import Mirror
from cqlproxy.modes import Mode
from cqlproxy.routing.route import SERVING, Manner, Route
from frame_codec import PROTOCOL_V4


class Routes:
    """``clusters`` and ``mirrors`` are by ``Side``; a mirror's side is the one that it delivers to.

    Without a shadow, both lists have None in its place, and the mode is always ``primary_only``.
    ``max_prepared``: prepared statements remembered for each version; a client that holds an older id is told
    to prepare again.
    """

    def __init__(
        self,
        clusters: tuple[VersionedCluster, VersionedCluster | None],
        mirrors: tuple[Mirror | None, Mirror | None],
        mode: Mode,
        *,
        pin_timestamps: bool,
        max_prepared: int,
    ) -> None:
        self.mode = mode
        self._clusters = clusters
        self._mirrors = mirrors
        self._pin_timestamps = pin_timestamps
        self._max_prepared = max_prepared
        self._prepared: dict[int, PreparedStatements] = {}
        self._routes: dict[int, Route] = {}

    @property
    def side(self) -> Side:
        """The cluster that answers."""
        return SERVING[self.mode].side

    @property
    def prepared_statements(self) -> int:
        """How many are remembered."""
        return sum(map(len, self._prepared.values()))

    @property
    def main(self) -> Route:
        """The route in protocol v4, which is always there."""
        return self.of(PROTOCOL_V4)

    def of(self, version: int) -> Route:
        """The route for a version in which the answering cluster has been opened."""
        route = self._routes.get(version)
        if route is None:
            route = self._routes[version] = self._made(version)
        return route

    async def open(self, version: int, mode: Mode | None = None) -> None:
        """Connect in ``version`` what answers in ``mode``, the one in force by default. ``ConnectError``."""
        cluster = self._cluster(SERVING[mode or self.mode].side)
        backend = cluster.in_version(version)
        if not isinstance(backend, Backend):
            await backend
            # What could not be reached by this version before, can be now.
            self._routes.pop(version, None)

    def is_open(self, version: int) -> bool:
        """Whether ``of`` may be asked."""
        return self._cluster(self.side).opened(version) is not None

    def versions(self) -> list[int]:
        """The protocol versions of clients that came so far."""
        return sorted({PROTOCOL_V4, *self._routes})

    def use(self, mode: Mode) -> None:
        """Serve by ``mode`` from now on: the routes that were given out are no longer those in force."""
        self.mode = mode
        self._routes.clear()

    def _made(self, version: int) -> Route:
        side, copied, awaited = SERVING[self.mode]
        mirror = self._mirrors[side.other] if copied else None
        manner = Manner.ALONE
        if mirror is not None:
            manner = Manner.AFTERWARDS
            if awaited:
                manner = Manner.BESIDE
            elif mirror.answers_wait:
                manner = Manner.TAKEN_FIRST
        backend = self._cluster(side).opened(version)
        assert backend is not None, "a route was asked for before its cluster was opened"
        prepared = self._prepared.setdefault(version, PreparedStatements(self._max_prepared))
        two_clusters = self._clusters[Side.SHADOW] is not None
        return Route(
            side,
            backend,
            prepared,
            manner=manner,
            mirror=mirror,
            stamps=mirror is not None and self._pin_timestamps,
            marks_pages=two_clusters,
            elsewhere=self._for_reads(side.other, version, prepared) if two_clusters else None,
        )

    def _for_reads(self, side: Side, version: int, prepared: PreparedStatements) -> Route | None:
        backend = self._cluster(side).opened(version)
        return None if backend is None else Route(side, backend, prepared, marks_pages=True)

    def _cluster(self, side: Side) -> VersionedCluster:
        cluster = self._clusters[side]
        assert cluster is not None, f"mode {self.mode} without a {side.label} cluster"
        return cluster
