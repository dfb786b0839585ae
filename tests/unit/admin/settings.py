"""Settings that can be changed, with nothing behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cqlproxy.admin.view import ConfigChangeError


@dataclass
class Settings:
    """Implements ``admin.view.ConfigView``: ``log.level`` can be changed, ``listen.port`` cannot."""

    level: str = "info"
    asked: list[tuple[dict[str, object], str]] = field(default_factory=list)

    def shown(self) -> dict[str, object]:
        return {
            "config": {"listen": {"port": 9042}, "log": {"level": self.level}, "admin": {"token": "***"}},
            "changeable": ["log.level"],
        }

    async def change(self, changes: Mapping[str, object], *, by: str) -> dict[str, object]:
        self.asked.append((dict(changes), by))
        problems = [(key, "is not a known key") for key in changes if key not in ("log.level", "listen.port")]
        if changes.get("log.level", "info") not in ("info", "debug"):
            problems.append(("log.level", "must be one of info, debug"))
        if problems:
            raise ConfigChangeError(problems, well_formed=False)
        if "listen.port" in changes:
            raise ConfigChangeError([("listen.port", "needs a restart")], well_formed=True)
        before, self.level = self.level, str(changes["log.level"])
        changed = {} if before == self.level else {"log.level": {"from": before, "to": self.level}}
        return {**self.shown(), "changed": changed}

    def schema(self) -> dict[str, object]:
        return {"type": "object"}
