"""Real clusters and a real proxy to test on: shared by the tests, the demo and the benchmarks.

Linux only: addresses are taken from 127.0.0.0/8, and nothing that is started outlives its starter.
"""

from tests.nodes.addresses import loopback_address
from tests.nodes.node import DURABLE, CassandraNode
from tests.nodes.process import GuardedProcess, ProcessError
from tests.nodes.programs import DriverProgram
from tests.nodes.proxy import ProxyProcess, proxy_settings
from tests.nodes.workspace import start_together, workspace

__all__ = [
    "DURABLE",
    "CassandraNode",
    "DriverProgram",
    "GuardedProcess",
    "ProcessError",
    "ProxyProcess",
    "loopback_address",
    "proxy_settings",
    "start_together",
    "workspace",
]
