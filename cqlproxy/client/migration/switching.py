"""All proxies into another phase; and whether they still are where this migration has left them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus

from cqlproxy.client.errors import (
    AnsweredError,
    ClientError,
    RefusedError,
    ServerFailureError,
    UnreachableError,
)
from cqlproxy.client.figures import ModeState
from cqlproxy.client.migration.errors import ForeignSwitchError
from cqlproxy.client.migration.fleet import Fleet
from cqlproxy.client.migration.history import History, places_of
from cqlproxy.client.migration.journal import Journal
from cqlproxy.client.migration.looks import Look
from cqlproxy.modes import Mode

PASSING = (UnreachableError, ServerFailureError)
"""Errors after which a proxy is asked again: it may be restarting."""


class Switching:
    """Switches the proxies of ``fleet``, as ``history`` knows them, and writes down what it does."""

    def __init__(self, fleet: Fleet, history: History, journal: Journal, look_every: float) -> None:
        self._fleet = fleet
        self._history = history
        self._journal = journal
        self._look_every = look_every

    async def check(self, looks: Iterable[Look]) -> None:
        """Raise ``ForeignSwitchError`` when a proxy is not where this migration has left it."""
        for look in looks:
            place = self._history.places.get(look.url)
            if place is None:
                raise ForeignSwitchError(
                    f"{look.url} was no part of this migration so far: it is in {look.stats.mode}."
                    " Run this with --adopt to go on with it"
                )
            if (place.mode, place.since) == (look.stats.mode, look.mode_since):
                continue
            now = await self._fleet.mode(look.url)
            if (place.mode, place.since) != (now.mode, now.since) and not self._is_ours(look.url, now):
                raise ForeignSwitchError(
                    f"{look.url} is in {now.mode}, set by {now.by} at {_shown(now.since)};"
                    f" this migration had left it in {place.mode}, set at {_shown(place.since)}."
                    " Find out why; --adopt goes on from there"
                )

    async def switch(
        self, phase: Mode, to: Mode, *, why: str, force: bool, back: bool, trouble: Callable[[str], None]
    ) -> None:
        """Bring all proxies from ``phase`` into ``to``, however long that takes.

        ``trouble`` is told why it is not done yet. Raises ``ForeignSwitchError``, and ``RefusedError`` when a
        proxy will not be asked again.
        """
        if self._history.going is not to:
            self._journal.write("going", **{"from": phase.value, "to": to.value, "why": why, "back": back})
        before = ""
        while errors := await self._switch_each(to, force):
            said = "; ".join(map(_reason, errors))
            if said != before:
                self._journal.write("refused", phase=phase.value, to=to.value, why=said)
            before = said
            trouble(said)
            await asyncio.sleep(self._look_every)

    async def _switch_each(self, to: Mode, force: bool) -> list[ClientError]:
        """One attempt at each of them: none is kept from it by another. Returns what went wrong."""
        errors: list[ClientError] = []
        for url, place in list(self._history.places.items()):
            if place.mode is not to:
                try:
                    await self._switch_one(url, to, force)
                except (*PASSING, RefusedError) as error:
                    if isinstance(error, RefusedError) and error.status != HTTPStatus.CONFLICT:
                        raise
                    errors.append(error)
        if not errors:
            try:
                looks = await self._fleet.look()
            except PASSING as error:
                return [error]
            await self.check(looks)
            self._journal.write("entered", phase=to.value, proxies=places_of(looks))
        return errors

    async def _switch_one(self, url: str, to: Mode, force: bool) -> None:
        proxy, place = self._fleet.proxies[url], self._history.places[url]
        expected = ModeState(place.mode, place.since, "", "")
        try:
            state = await proxy.set_mode(to, force=force, by=self._signature, expected=expected)
        except RefusedError:
            state = await proxy.mode()
            if not self._is_ours(url, state):
                await self.check(await self._fleet.look())
                raise
        else:
            self._journal.write("switched", proxy=url, mode=state.mode.value, since=state.since)

    def _is_ours(self, url: str, now: ModeState) -> bool:
        """Whether this migration has switched it, and could not note that: it was killed, or not answered."""
        if now.by != self._signature or now.mode is not self._history.going:
            return False
        self._journal.write("switched", proxy=url, mode=now.mode.value, since=now.since)
        return True

    @property
    def _signature(self) -> str:
        """As whom the proxies know this migration."""
        return f"migration {self._history.id}"


def _shown(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _reason(error: ClientError) -> str:
    return error.reason if isinstance(error, AnsweredError) else str(error)
