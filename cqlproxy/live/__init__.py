"""What goes on just now, for whoever watches: the events and the figures of the last quarter of an hour."""

from cqlproxy.live.events import Event, RecentEvents
from cqlproxy.live.recorder import Recorder

__all__ = ["Event", "RecentEvents", "Recorder"]
