"""The configuration in force: what of it can be changed while the proxy runs is, what cannot says so.

It is changed by an operator (``change``), or by what was edited in its file since that was last read
(``reload``, on SIGHUP). All of a change comes into force, or nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from cqlproxy.admin.view import ConfigChangeError, ModeRefusedError, ModeView
from cqlproxy.config import Config, ConfigError, changed_config, load_config
from cqlproxy.config.keys import CHANGEABLE, keys, unknown_key
from cqlproxy.modes import Mode
from cqlproxy.supervision import Supervisor

log = logging.getLogger(__name__)

_RESTART = (
    "cannot be changed while the proxy runs: change it in the configuration file, and restart the proxy"
)
_LEVELS = ("debug", "info", "warning", "error")


class ConfigInForce:
    """Implements ``admin.view.ConfigView``.

    ``appliers`` put a configuration in force as far as a key is concerned, by key: each changeable one but
    ``mode``, which is ``modes``'. ``file``: where the configuration was read from; None: nowhere.
    """

    def __init__(
        self,
        config: Config,
        file: Path | None,
        *,
        modes: ModeView,
        appliers: Mapping[str, Callable[[Config], None]],
    ) -> None:
        self._config = config
        """What is in force, but for the mode."""
        self._started_with = config
        self._in_file = config
        """What the file said when it was last read, with the environment."""
        self._file = file
        self._problems: list[str] = []
        """Why the file could not be used when it was last read; empty when it could."""
        self._modes = modes
        self._appliers = dict(appliers)
        self._changing = asyncio.Lock()
        self._supervisor = Supervisor()

    async def stop(self) -> None:
        """Read no file any more. What is in force stays so."""
        await self._supervisor.stop()

    # --- what is in force ---------------------------------------------------------------------

    def shown(self) -> dict[str, object]:
        """See ``admin.view.ConfigView``.

        ``differs_from_file`` are keys that were changed since the file was read, or that need a restart to be
        as it says; the latter are ``needs_restart``. ``file_problems``: why the file was not put in force
        when it was last read.
        """
        config = self._in_force()
        return {
            "config": config.model_dump(mode="json"),
            "changeable": [key for key in keys() if key in CHANGEABLE],
            "file": None if self._file is None else str(self._file),
            "differs_from_file": list(_differences(config, self._in_file)),
            "needs_restart": self._needs_restart(),
            "file_problems": list(self._problems),
        }

    @property
    def stale(self) -> bool:
        """Whether the file could not be used when it was last read."""
        return bool(self._problems)

    def schema(self) -> dict[str, object]:
        """See ``admin.view.ConfigView``."""
        # Imported here, since a proxy that nobody asks does not need it.
        from cqlproxy.config.schema import schema

        return schema()

    def _in_force(self) -> Config:
        return self._config.model_copy(update={"mode": Mode(str(self._modes.shown()["mode"]))})

    def _needs_restart(self) -> list[str]:
        return [key for key in _differences(self._started_with, self._in_file) if key not in CHANGEABLE]

    # --- changing it --------------------------------------------------------------------------

    async def change(self, changes: Mapping[str, object], *, by: str) -> dict[str, object]:
        """See ``admin.view.ConfigView``."""
        if problems := [(path, what) for path in changes if (what := _no_value(path)) is not None]:
            raise ConfigChangeError(problems, well_formed=False)
        async with self._changing:
            try:
                changed = await self._change(changes, by)
            except ConfigError as error:
                raise ConfigChangeError(list(map(_parted, error.problems)), well_formed=False) from None
            except ModeRefusedError as refusal:
                raise ConfigChangeError([("mode", str(refusal))], well_formed=True) from refusal
        return {**self.shown(), "changed": changed}

    async def _change(self, changes: Mapping[str, object], by: str) -> dict[str, object]:
        """Put other values in force; returns those that were others before. What fails changes nothing.

        Raises ``ConfigError``, ``ConfigChangeError`` and ``ModeRefusedError``.
        """
        before = self._in_force()
        config = changed_config(before, changes, self._file or Path())
        changed = _differences(before, config)
        if fixed := [(path, _RESTART) for path in changed if path not in CHANGEABLE]:
            raise ConfigChangeError(fixed, well_formed=True)
        if "mode" in changed:
            # First, since it alone may be refused.
            await self._modes.switch(config.mode, by=by, force=False, expected=None, expected_since=None)
        quieter = _LEVELS.index(config.log.level) > _LEVELS.index(before.log.level)
        if quieter:
            _tell(changed, by)
        self._config = config
        for apply in dict.fromkeys(self._appliers[path] for path in changed if path != "mode"):
            apply(config)
        if not quieter:
            _tell(changed, by)
        return changed

    def reload_soon(self) -> None:
        """Read the file now, in the background (SIGHUP). What comes of it is logged."""
        if self._file is not None:
            self._supervisor.start(self.reload(), "reload of the configuration")

    async def reload(self) -> None:
        """Put in force what was edited in the file since it was last read, as far as that can be."""
        assert self._file is not None
        async with self._changing:
            try:
                found = await asyncio.to_thread(load_config, self._file)
                edited = _differences(self._in_file, found)
                values = {path: _value(found, path) for path in edited if path in CHANGEABLE}
                await self._change(values, "SIGHUP")
            except ConfigError as error:
                self._not_used(error.lines)
            except ModeRefusedError as refusal:
                self._not_used([f"mode: {refusal}"])
            else:
                self._in_file, self._problems = found, []
                if waiting := self._needs_restart():
                    log.warning(f"needs a restart: {', '.join(waiting)}")

    def _not_used(self, problems: list[str]) -> None:
        self._problems = problems
        for problem in problems:
            # In the message itself, so that one problem does not hide the next (see cqlproxy.logs).
            log.error(f"the configuration file cannot be used; what was in force stays so: {problem}")


def _no_value(path: str) -> str | None:
    """Why no value can be given to a path; None if one can."""
    key = keys().get(path)
    if key is None:
        return unknown_key(path)
    if key.section is not None:
        return f"is a section: name its keys, such as {path}.{next(iter(key.section.model_fields))}"
    return None


def _parted(problem: str) -> tuple[str, str]:
    path, _, what = problem.partition(": ")
    return path, what


def _value(config: object, path: str) -> object:
    for name in path.split("."):
        config = getattr(config, name, None)
    return config


def _differences(before: Config, after: Config) -> dict[str, object]:
    """By key, the values ``from`` and ``to`` as JSON; a section that only one of them has is one key."""
    found: dict[str, object] = {}
    only_one: list[str] = []
    shown = before.model_dump(mode="json"), after.model_dump(mode="json")
    for path, key in keys().items():
        values = _value(before, path), _value(after, path)
        if any(path.startswith(f"{section}.") for section in only_one):
            continue
        if key.section is not None:
            if (values[0] is None) != (values[1] is None):
                only_one.append(path)
            else:
                continue
        if values[0] != values[1]:
            found[path] = {"from": _inside(shown[0], path), "to": _inside(shown[1], path)}
    return found


def _inside(document: object, path: str) -> object:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _tell(changed: Mapping[str, object], by: str) -> None:
    for path, values in changed.items():
        if path != "mode" and isinstance(values, dict):  # the mode's own log tells of it
            log.info(f"{path} is now {values['to']}", extra={"previous": values["from"], "by": by})
