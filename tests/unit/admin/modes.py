"""A mode that can be switched, with nothing behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cqlproxy.admin import ModeRefusedError
from cqlproxy.modes import Mode

SINCE = 1_700_000_000.25
"""When the mode was set."""


@dataclass
class Modes:
    """Implements ``admin.view.ModeView``. Refuses with ``refusal``, unless by force."""

    mode: Mode = Mode.PRIMARY_ONLY
    by: str = "the configuration"
    refusal: str | None = None
    asked: list[tuple[Mode, str, bool]] = field(default_factory=list)

    def shown(self) -> dict[str, object]:
        return {
            "mode": self.mode.value,
            "since": SINCE,
            "by": self.by,
            "answered_by": "shadow" if self.mode in (Mode.SHADOW_PRIMARY, Mode.TARGET_ONLY) else "primary",
        }

    async def switch(
        self,
        mode: Mode,
        *,
        by: str,
        force: bool,
        expected: Mode | None = None,
        expected_since: float | None = None,
    ) -> dict[str, object]:
        self.asked.append((mode, by, force))
        if expected not in (None, self.mode) or expected_since not in (None, SINCE):
            raise ModeRefusedError("another is in force")
        if self.refusal is not None and not force:
            raise ModeRefusedError(self.refusal)
        previous, self.mode, self.by = self.mode, mode, by
        return {**self.shown(), "previous": previous.value}
