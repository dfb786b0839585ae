"""Where nodes keep their files for a while, and several of them started at once."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.nodes.node import CassandraNode


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary directory, removed with all in it at the end.

    Give it to nodes and proxies as `root`: their supervisors remove it if this program is killed.
    """
    place = Path(tempfile.mkdtemp(prefix="cqlproxy-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def start_together(*nodes: CassandraNode) -> Iterator[None]:
    """Start the nodes at the same time and wait until all serve; kill them at the end, data and all."""
    try:
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait_ready()
        yield
    finally:
        for node in nodes:
            node.kill()
