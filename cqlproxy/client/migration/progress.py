"""How a migration stands, told at each look to whoever watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cqlproxy.client.migration.gates import Condition
from cqlproxy.modes import Mode


@dataclass(frozen=True)
class Progress:
    """One look."""

    phase: Mode | None
    """None when the proxies are in several, or have not been seen."""
    to: Mode | None
    """The phase that comes next; None at the end of the plan."""
    modes: Mapping[str, str]
    """By address of the proxy: its mode."""
    in_phase_seconds: float
    conditions: Sequence[Condition]
    held_seconds: float
    """For how long all of them have held."""
    held_for: float
    """For how long they must."""
    trouble: str | None = None
    """Why there is no step although the conditions hold, or why nothing could be seen."""
    paused: bool = False

    @property
    def lacks(self) -> list[str]:
        """The conditions that do not hold."""
        return [condition.name for condition in self.conditions if not condition.met]

    @property
    def may_go(self) -> bool:
        """Whether the step may be taken."""
        return self.to is not None and not self.lacks and self.held_seconds >= self.held_for

    def but(self, trouble: str | None) -> Progress:
        """The same with this trouble."""
        return replace(self, trouble=trouble)

    def as_json(self) -> dict[str, object]:
        """As JSON types."""
        return {
            "phase": None if self.phase is None else self.phase.value,
            "to": None if self.to is None else self.to.value,
            "modes": dict(self.modes),
            "in_phase_seconds": round(self.in_phase_seconds, 3),
            "conditions": [condition._asdict() for condition in self.conditions],
            "held_seconds": round(self.held_seconds, 3),
            "held_for": self.held_for,
            "trouble": self.trouble,
            "paused": self.paused,
        }
