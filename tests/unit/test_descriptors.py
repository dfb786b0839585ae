"""How many clients the limit of open files leaves room for, in a process that has that limit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bootstrap.environments import CHECKOUT
from cqlproxy.descriptors import SET_ASIDE

_SCRIPT = """
import resource, sys
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from cqlproxy.descriptors import room_for_clients
print(room_for_clients(wanted), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "room", "soft_then"),
    [
        (2000, 2000, 1000, 1000, 2000),
        (700, 3000, 1000, 1000, 1000 + SET_ASIDE),
        (700, 1024, 1000, 1024 - SET_ASIDE, 1024),
        (300, 300, 1000, 1, 300),
    ],
    ids=["enough", "raised by itself", "not enough", "far from enough"],
)
def test_there_are_as_many_clients_as_there_are_descriptors_for(
    soft: int, hard: int, wanted: int, room: int, soft_then: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(soft), str(hard), str(wanted)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [int(word) for word in ended.stdout.split()] == [room, soft_then, hard]
    assert ("raise the limit of open files" in ended.stderr) == (room < wanted)
