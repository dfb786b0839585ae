"""No two users of the test bed are given the same address, and none that is in use."""

import socket
import subprocess
import sys

from tests.nodes import loopback_address
from tests.nodes.addresses import NATIVE_PORT

_TAKE_ONE = "from tests.nodes import loopback_address; print(loopback_address())"


def test_addresses_differ_within_and_between_processes() -> None:
    ours = {loopback_address() for _ in range(3)}
    assert len(ours) == 3
    other = subprocess.run([sys.executable, "-c", _TAKE_ONE], capture_output=True, text=True, check=True)
    assert other.stdout.startswith("127.42.")
    assert other.stdout.strip() not in ours


def test_an_address_where_something_listens_is_passed_over() -> None:
    other = subprocess.run([sys.executable, "-c", _TAKE_ONE], capture_output=True, text=True, check=True)
    would_be_next = other.stdout.strip()
    with socket.create_server((would_be_next, NATIVE_PORT)):
        assert loopback_address() != would_be_next
