"""The write modes, and the names that an operator may write for them.

A migration walks through them from top to bottom, and back again at any step.
"""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """Which cluster answers the client and which receives copies; the value is the canonical spelling."""

    PRIMARY_ONLY = "primary_only"
    """Primary answers; the shadow is not written."""
    DUAL_WRITE_ASYNC = "dual_write_async"
    """Primary answers; its mutations are copied to the shadow after the answer went out."""
    DUAL_WRITE_SYNC = "dual_write_sync"
    """A mutation is answered when both clusters have it; the primary serves reads."""
    SHADOW_PRIMARY = "shadow_primary"
    """Shadow answers; its mutations are copied back to the primary after the answer went out."""
    TARGET_ONLY = "target_only"
    """Shadow answers; the primary is not written."""

    @property
    def uses_shadow(self) -> bool:
        """Whether the mode talks to the shadow cluster at all."""
        return self is not Mode.PRIMARY_ONLY


SPELLINGS: Final[dict[str, Mode]] = {
    "primary_only": Mode.PRIMARY_ONLY,
    "PrimaryOnly": Mode.PRIMARY_ONLY,
    "SourceOnly": Mode.PRIMARY_ONLY,
    "dual_write_async": Mode.DUAL_WRITE_ASYNC,
    "DualWriteAsync": Mode.DUAL_WRITE_ASYNC,
    "DualAsync": Mode.DUAL_WRITE_ASYNC,
    "dual_write_sync": Mode.DUAL_WRITE_SYNC,
    "DualWriteSync": Mode.DUAL_WRITE_SYNC,
    "DualSync": Mode.DUAL_WRITE_SYNC,
    "shadow_primary": Mode.SHADOW_PRIMARY,
    "ShadowPrimary": Mode.SHADOW_PRIMARY,
    "target_only": Mode.TARGET_ONLY,
    "TargetOnly": Mode.TARGET_ONLY,
}
"""Every accepted spelling of every mode. Letter case matters, as in every other key and value of ours."""


def parse_mode(text: str) -> Mode:
    """Return the mode that `text` names, in any of its accepted spellings.

    Raises ValueError, whose message lists all modes, for any other text.
    """
    mode = SPELLINGS.get(text)
    if mode is not None:
        return mode
    near = difflib.get_close_matches(text.lower().replace("-", "_"), list(Mode), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"{text!r} is not a mode{hint} (one of {', '.join(Mode)})")
