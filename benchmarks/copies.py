"""Copies that reached the shadow, by the proxy's counters: whether a figure includes the second write."""

import http.client
import json
import time
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError

_COUNTED = ("mirrored_writes", "dropped_writes", "failed_copies")
_ON_THEIR_WAY = ("queue_depth", "in_flight_copies", "journal_depth")
_DELIVERED_SECONDS = 30.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies up to one moment, or between two."""

    delivered: int
    lost: int
    """Dropped or given up."""

    def since(self, before: "Copies") -> "Copies":
        return Copies(self.delivered - before.delivered, self.lost - before.lost)


def copies(host: str, port: int) -> Copies:
    """What ``/stats`` of the proxy's admin port counts up to now. Raises `BenchmarkError`."""
    said = _stats(host, port)
    return Copies(said["mirrored_writes"], said["dropped_writes"] + said["failed_copies"])


def wait_delivered(host: str, port: int) -> None:
    """Wait until no copy is on its way any more; 30 s at most, then `BenchmarkError` is raised."""
    deadline = time.monotonic() + _DELIVERED_SECONDS
    while waiting := sum(_stats(host, port)[key] for key in _ON_THEIR_WAY):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{waiting} copies still wait {_DELIVERED_SECONDS:g} s after the load")
        time.sleep(_POLL_SECONDS)


def _stats(host: str, port: int) -> dict[str, int]:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/stats")
        said = json.loads(connection.getresponse().read())
        return {key: int(said[key]) for key in (*_COUNTED, *_ON_THEIR_WAY)}
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise BenchmarkError(f"no counters at http://{host}:{port}/stats: {error!r}") from error
    finally:
        connection.close()
