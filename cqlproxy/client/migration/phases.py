"""The order of the phases of a migration, and what is lost on a way back."""

from __future__ import annotations

from typing import Final

from cqlproxy.modes import Mode

PHASES: Final = tuple(Mode)
"""From the old cluster to the new one."""

_ANSWERED_BY_SHADOW: Final = (Mode.SHADOW_PRIMARY, Mode.TARGET_ONLY)


def is_before(one: Mode, other: Mode) -> bool:
    """Whether a migration comes to ``one`` first."""
    return PHASES.index(one) < PHASES.index(other)


def answered_by_shadow(phase: Mode) -> bool:
    """Whether the new cluster answers in it."""
    return phase in _ANSWERED_BY_SHADOW
