"""EVENT messages (section 4.2.6), which servers push on stream -1."""

from dataclasses import dataclass
from typing import ClassVar

from frame_codec.constants import EventType, Opcode
from frame_codec.errors import ProtocolError
from frame_codec.reader import Reader
from frame_codec.schema_change import SchemaChange
from frame_codec.values import Inet
from frame_codec.writer import write_inet, write_string


@dataclass(frozen=True, slots=True)
class TopologyChangeEvent:
    """A node came or went: NEW_NODE, REMOVED_NODE, or MOVED_NODE in v3."""

    opcode: ClassVar[Opcode] = Opcode.EVENT
    change: str
    node: Inet

    def encode(self, version: int) -> bytes:
        return _node_event(EventType.TOPOLOGY_CHANGE, self.change, self.node)


@dataclass(frozen=True, slots=True)
class StatusChangeEvent:
    """A node is UP or DOWN."""

    opcode: ClassVar[Opcode] = Opcode.EVENT
    change: str
    node: Inet

    def encode(self, version: int) -> bytes:
        return _node_event(EventType.STATUS_CHANGE, self.change, self.node)


@dataclass(frozen=True, slots=True)
class SchemaChangeEvent:
    """The schema changed."""

    opcode: ClassVar[Opcode] = Opcode.EVENT
    change: SchemaChange

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_string(out, EventType.SCHEMA_CHANGE)
        self.change.write(out, version)
        return bytes(out)


Event = TopologyChangeEvent | StatusChangeEvent | SchemaChangeEvent


def decode_event(body: bytes, version: int, at: int = 0) -> Event:
    """The EVENT at offset `at` of `body`; malformed bytes, or an unknown type, raise ProtocolError."""
    reader = Reader(body, at)
    event_type = reader.read_string()
    if event_type == EventType.TOPOLOGY_CHANGE:
        return TopologyChangeEvent(reader.read_string(), reader.read_inet())
    if event_type == EventType.STATUS_CHANGE:
        return StatusChangeEvent(reader.read_string(), reader.read_inet())
    if event_type == EventType.SCHEMA_CHANGE:
        return SchemaChangeEvent(SchemaChange.read(reader))
    raise ProtocolError(f"Unknown type of EVENT: {event_type[:40]!r}")


def _node_event(event_type: EventType, change: str, node: Inet) -> bytes:
    out = bytearray()
    write_string(out, event_type)
    write_string(out, change)
    write_inet(out, node)
    return bytes(out)
