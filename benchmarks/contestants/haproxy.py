"""HAProxy as a plain TCP relay to the primary, with one thread: the least that a relay costs."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.contestants.contestant import Clusters, started_program
from benchmarks.errors import BenchmarkError
from benchmarks.proxy_under_load import Measured
from tests.nodes import loopback_address, workspace
from tests.nodes.addresses import NATIVE_PORT

NAME: Final = "haproxy"

_PLACE: Final = Path("/usr/sbin/haproxy")
"""Debian's, which is not on every user's PATH."""
_CONFIGURATION: Final = """\
global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen relay
    bind {address}:{port}
    server primary {primary_address}:{primary_port}
"""


def start(running: ExitStack, clusters: Clusters) -> Measured:
    """Start it; see `contestant.Start`."""
    place = running.enter_context(workspace())
    address = loopback_address()
    file = place / "haproxy.cfg"
    file.write_text(configuration(address, clusters))
    return started_program(running, NAME, [program(), "-db", "-f", file], address, place=place)


def program() -> Path:
    """Where it is installed. Raises `BenchmarkError`."""
    if _PLACE.exists():
        return _PLACE
    found = shutil.which("haproxy")
    if found is None:
        raise BenchmarkError(
            "haproxy is not installed, and every figure is relative to it: sudo apt-get install haproxy"
        )
    return Path(found)


def configuration(address: str, clusters: Clusters) -> str:
    """Its configuration file."""
    primary = clusters.primary
    return _CONFIGURATION.format(
        address=address, port=NATIVE_PORT, primary_address=primary.address, primary_port=primary.port
    )
