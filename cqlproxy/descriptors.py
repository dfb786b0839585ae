"""File descriptors: how many the process may have, and so how many clients it can have."""

from __future__ import annotations

import logging
import resource
from typing import Final

log = logging.getLogger(__name__)

SET_ASIDE: Final = 512
"""For all that is not a client: connections to nodes, the journal, the admin port, files that are read."""


def room_for_clients(wanted: int) -> int:
    """How many of the ``wanted`` clients there are descriptors for, 1 at least.

    The process raises its own soft limit as far as it needs, and as the hard limit allows.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SET_ASIDE
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    room = max(1, soft - SET_ASIDE)
    log.warning(
        "fewer clients than listen.max_clients are accepted: raise the limit of open files (ulimit -n)",
        extra={"open_files": soft, "clients": room},
    )
    return room
