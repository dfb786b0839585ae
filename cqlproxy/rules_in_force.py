"""The rules in force: replaced as a whole while traffic flows, and what the operator sees of them.

New rules hold from the moment they are read for all that is taken and for all that waits. What was sent
before is waited for, so that when a reload is acknowledged nothing that they forbid is still on its way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from cqlproxy.admin.view import NoRulesFileError
from cqlproxy.metrics import Metrics, RulesState
from cqlproxy.mirror.worker import Mirror
from cqlproxy.supervision import Supervisor
from cqlproxy.tested_statements import tested_statements
from filters import Governor, Rules, RulesError, RulesWatcher

log = logging.getLogger(__name__)

_NO_FILE = (
    "no rules file is configured, so there is nothing to read again;"
    " to use one, set filters.rules_file in the configuration and restart the proxy"
)


class RulesInForce:
    """Implements ``admin.view.RulesView``."""

    def __init__(self, governor: Governor, mirrors: Sequence[Mirror], metrics: Metrics) -> None:
        self._governor = governor
        self._mirrors = mirrors
        self._metrics = metrics
        self._supervisor = Supervisor()
        self._problems: tuple[str, ...] = ()
        """What is wrong with the file as it is now; empty while the rules in force are those of the file."""
        self._watcher: RulesWatcher | None = None
        if governor.rules.path is not None:
            self._watcher = RulesWatcher(governor.rules, on_rules=self._replace, on_problem=self._refused)

    def start(self) -> None:
        """Begin to watch the file."""
        if self._watcher is not None:
            self._supervisor.start(self._watcher.run(), "rules file")

    async def stop(self) -> None:
        """Watch it no more. The rules stay in force."""
        await self._supervisor.stop()

    async def reload(self) -> dict[str, object]:
        """See ``admin.view.RulesView``."""
        if self._watcher is None:
            raise NoRulesFileError(_NO_FILE)
        await self._watcher.reload()
        await self._settled()
        return self.shown()

    def reload_soon(self) -> None:
        """Read the file now, in the background (SIGHUP). What comes of it is logged."""
        if self._watcher is None:
            log.warning(_NO_FILE)
            return
        self._supervisor.start(self._reload_and_log(self._watcher), "reload of the rules")

    async def _reload_and_log(self, watcher: RulesWatcher) -> None:
        try:
            await watcher.reload()
        except RulesError:
            return  # logged by _refused

    def _replace(self, rules: Rules) -> None:
        changed = rules.content_hash != self._governor.rules.content_hash
        self._governor.rules = rules
        for mirror in self._mirrors:
            mirror.use_rules(rules)
        if self._problems:
            self._problems = ()
            log.info("the rules file can be used again")
        self._supervisor.start(self._acknowledge(rules, changed), "acknowledge rules")

    async def _acknowledge(self, rules: Rules, changed: bool) -> None:
        await self._settled()
        if rules is self._governor.rules:
            log.info(
                "the rules of the file are in force",
                extra={"content_hash": rules.content_hash, "changed": changed, "enforce": rules.enforce},
            )

    async def _settled(self) -> None:
        for mirror in self._mirrors:
            await mirror.settle_earlier()

    def _refused(self, error: RulesError) -> None:
        self._problems = error.problems
        self._metrics.rules_reload_failures += 1
        for problem in error.problems:
            # In the message itself, so that one problem does not hide the next (see cqlproxy.logs).
            log.error(f"the rules file cannot be used; the rules of before stay in force: {problem}")

    # --- what the operator sees ---------------------------------------------------------------

    @property
    def state(self) -> RulesState | None:
        """For the metrics; None without a rules file."""
        rules = self._governor.rules
        if rules.path is None:
            return None
        return RulesState(rules.content_hash, rules.loaded_at or 0.0, bool(self._problems))

    def shown_in_short(self) -> dict[str, object]:
        """What stands in ``/status``."""
        rules = self._governor.rules
        return {"state": self._file_state, "enforce": rules.enforce, "content_hash": rules.content_hash}

    @property
    def _file_state(self) -> str:
        return "none" if self._watcher is None else "refused" if self._problems else "in force"

    def shown(self) -> dict[str, object]:
        """See ``admin.view.RulesView``."""
        return {
            "rules": self._governor.rules.summary(),
            "file": {"state": self._file_state, "problems": list(self._problems)},
            "copies_sent_under_earlier_rules": sum(
                mirror.sent_under_earlier_rules for mirror in self._mirrors
            ),
            "filtered_by_reason": self._metrics.filtered.by_reason(),
            "would_filter_by_reason": self._metrics.would_filter.by_reason(),
        }

    async def tested(self, text: str, keyspace: str | None) -> list[dict[str, object]]:
        """See ``admin.view.RulesView``. In a thread: a text may be long, and clients do not wait for it."""
        return await asyncio.to_thread(tested_statements, self._governor.rules, text, keyspace)
