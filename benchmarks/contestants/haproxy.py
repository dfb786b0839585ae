"""HAProxy as a plain TCP relay to the primary, with one thread: the least that a relay costs."""

from contextlib import ExitStack
from typing import Final

from benchmarks.contestants.contestant import Clusters, Contestant, started_program
from benchmarks.proxy_under_load import Measured
from bootstrap import packages
from tests.nodes import loopback_address, workspace
from tests.nodes.addresses import NATIVE_PORT

NAME: Final = "haproxy"

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


def contestant() -> Contestant:
    """It, with its one configuration."""
    return Contestant(NAME, _start)


def _start(running: ExitStack, clusters: Clusters) -> Measured:
    place = running.enter_context(workspace())
    address = loopback_address()
    file = place / "haproxy.cfg"
    file.write_text(configuration(address, clusters))
    return started_program(running, NAME, [packages.haproxy(), "-db", "-f", file], address, place=place)


def configuration(address: str, clusters: Clusters) -> str:
    """Its configuration file."""
    primary = clusters.primary
    return _CONFIGURATION.format(
        address=address, port=NATIVE_PORT, primary_address=primary.address, primary_port=primary.port
    )
