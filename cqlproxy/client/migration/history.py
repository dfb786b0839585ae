"""What the lines of a migration's journal come to: where it stands, and what is owed on the way back. Pure.

    began     {id, proxies: {url: PLACE}}              the modes that were found
    adopted   {proxies: {url: PLACE}}                  the same, after somebody else had switched
    going     {from, to, back, why}                    proxies will be switched now
    switched  {proxy, mode, since}                     one of them was
    entered   {phase, proxies: {url: PLACE}}           all of them were
    confirmed {to, by}                                 somebody has said yes to the step
    refused, waiting, paused, resumed, ended, finished told for people, and of no consequence

PLACE is ``{mode, since, started_at, dropped_writes}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cqlproxy.client.figures import mapping, number, text
from cqlproxy.client.migration.journal import Event
from cqlproxy.client.migration.looks import Baseline, Look
from cqlproxy.client.migration.phases import answered_by_shadow
from cqlproxy.modes import Mode, parse_mode


@dataclass(frozen=True)
class Place:
    """Where one proxy was left."""

    mode: Mode
    since: float


@dataclass
class History:
    """Where a migration stands."""

    id: str | None = None
    """None before it has begun."""
    phase: Mode | None = None
    places: dict[str, Place] = field(default_factory=dict)
    """By address of the proxy."""
    baselines: dict[str, Baseline] = field(default_factory=dict)
    going: Mode | None = None
    """Where the proxies were being switched to when the journal ends."""
    going_back: bool = False
    confirmed: Mode | None = None
    """The phase for whose step somebody has said yes."""
    left_alone: bool = False
    """Whether there were writes that only the shadow has: in target_only, and ever since."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """From all lines of a journal."""
        history = cls()
        for event in events:
            history.add(event)
        return history

    def add(self, event: Event) -> None:
        """Take in one more line."""
        match event.get("event"):
            case "began":
                self.id = text(event, "id")
                self._found(event)
            case "adopted":
                self._found(event)
            case "going":
                self.going = parse_mode(text(event, "to"))
                self.going_back = bool(event.get("back"))
            case "switched":
                place = Place(parse_mode(text(event, "mode")), number(event, "since"))
                self.places[text(event, "proxy")] = place
                self._note_alone()
            case "entered":
                self._found(event)
            case "confirmed":
                self.confirmed = parse_mode(text(event, "to"))

    def _found(self, event: Event) -> None:
        proxies = mapping(event, "proxies")
        self.places, self.baselines = {}, {}
        for url in proxies:
            place = mapping(proxies, url)
            self.places[url] = Place(parse_mode(text(place, "mode")), number(place, "since"))
            self.baselines[url] = Baseline(number(place, "started_at"), int(number(place, "dropped_writes")))
        self._note_alone()
        modes = {place.mode for place in self.places.values()}
        self.phase = modes.pop() if len(modes) == 1 else None
        self.going, self.going_back, self.confirmed = None, False, None

    def _note_alone(self) -> None:
        modes = {place.mode for place in self.places.values()}
        if Mode.TARGET_ONLY in modes:
            self.left_alone = True
        elif not any(map(answered_by_shadow, modes)):
            self.left_alone = False


def places_of(looks: Iterable[Look]) -> Mapping[str, Mapping[str, object]]:
    """PLACE by address, as the journal has it."""
    return {
        look.url: {
            "mode": look.stats.mode.value,
            "since": look.mode_since,
            "started_at": look.started_at,
            "dropped_writes": look.stats.dropped_writes,
        }
        for look in looks
    }
