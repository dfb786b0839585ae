"""Copies that reached the shadow, by the proxy's counters: whether a figure includes the second write."""

import http.client
import json
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError


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
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/stats")
        said = json.loads(connection.getresponse().read())
        return Copies(said["mirrored_writes"], said["dropped_writes"] + said["failed_copies"])
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise BenchmarkError(f"no counters at http://{host}:{port}/stats: {error!r}") from error
    finally:
        connection.close()
