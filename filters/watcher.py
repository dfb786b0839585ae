"""The rules file while traffic flows: looked at again and again, and read anew when it has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from filters.document import RulesError
from filters.resting import Resting
from filters.rules import Rules
from filters.rules_file import hash_of, read_rules, rules_of

_SETTLE_SECS: Final = 0.5
"""For how long a changed file must stay as it is: one that is still being written may read as rules, too."""


class RulesWatcher:
    """Keeps the rules in force those of their file. To be used on one event loop.

    Every ``reload_interval_secs`` of the rules in force the file is looked at. ``on_rules`` is called with
    new rules, whole and valid, in place of the old ones. ``on_problem`` is called when the file cannot be
    used or read, and then the old rules stay in force: once, until the file changes again. Both are called
    on the loop; the file is read in a thread. A bad file that is again what it was is read again, so that
    ``on_rules`` tells that the problem is over.
    """

    def __init__(
        self, rules: Rules, *, on_rules: Callable[[Rules], None], on_problem: Callable[[RulesError], None]
    ) -> None:
        """``rules`` are those in force, from ``load_rules``. Raises ValueError if they come from no file."""
        if rules.path is None:
            raise ValueError("rules that come from no file cannot be watched")
        self.rules = rules
        """The rules in force."""
        self._path = rules.path
        self._seen = rules.content_hash
        self._on_rules = on_rules
        self._on_problem = on_problem
        self._loading = asyncio.Lock()

    async def run(self) -> None:
        """Look at the file again and again; to be cancelled."""
        while True:
            await asyncio.sleep(self.rules.reload_interval_secs)
            await self.look()

    async def look(self) -> None:
        """Read the file if it has changed since it was last read, as soon as it stops changing."""
        mark = await asyncio.to_thread(_mark, self._path)
        while mark != self._seen:
            await asyncio.sleep(min(_SETTLE_SECS, self.rules.reload_interval_secs))
            before, mark = mark, await asyncio.to_thread(_mark, self._path)
            if mark == before:
                with suppress(RulesError):  # on_problem has been told
                    await self.reload()
                return

    async def reload(self) -> Rules:
        """Read the file now, changed or not, and put its rules in force.

        When it returns, ``on_rules`` has been called. Raises RulesError, after ``on_problem`` has been
        called, and leaves the old rules in force.
        """
        async with self._loading:
            try:
                content = await self._read()
                self._seen = hash_of(content)
                rules = await asyncio.to_thread(
                    rules_of, self._path, content, loaded_at=time.time(), rest=Resting()
                )
            except RulesError as error:
                self._on_problem(error)
                raise
            self.rules = rules
            self._on_rules(rules)
            return rules

    async def _read(self) -> bytes:
        try:
            return await asyncio.to_thread(read_rules, self._path)
        except RulesError as error:
            self._seen = str(error)
            raise


def _mark(path: Path) -> str:
    """What changes when the file does: the hash of its content, or why it cannot be read."""
    try:
        return hash_of(read_rules(path))
    except RulesError as error:
        return str(error)
