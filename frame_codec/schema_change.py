"""What changed in the schema: the part shared by the RESULT and the EVENT that say so (section 4.2.6)."""

from dataclasses import dataclass
from typing import Final, Self

from frame_codec.constants import PROTOCOL_V4
from frame_codec.errors import ProtocolError
from frame_codec.reader import Reader
from frame_codec.writer import write_string, write_string_list

_CHANGES: Final = frozenset({"CREATED", "UPDATED", "DROPPED"})
_NAMED: Final = frozenset({"TABLE", "TYPE", "FUNCTION", "AGGREGATE"})
_WITH_ARGUMENTS: Final = frozenset({"FUNCTION", "AGGREGATE"})


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """<change_type><target><options>.

    change: CREATED, UPDATED or DROPPED. target: KEYSPACE, TABLE, TYPE, FUNCTION or AGGREGATE.
    name: of what changed inside the keyspace; None for a KEYSPACE.
    argument_types: CQL types of a FUNCTION or AGGREGATE; None for the others.
    """

    change: str
    target: str
    keyspace: str
    name: str | None = None
    argument_types: tuple[str, ...] | None = None

    @classmethod
    def read(cls, reader: Reader) -> Self:
        change = reader.read_string()
        if change not in _CHANGES:
            raise ProtocolError(f"Unknown schema change: {change[:40]!r}")
        target = reader.read_string()
        if target == "KEYSPACE":
            return cls(change, target, reader.read_string())
        if target not in _NAMED:
            raise ProtocolError(f"Unknown target of a schema change: {target[:40]!r}")
        keyspace, name = reader.read_string(), reader.read_string()
        arguments = tuple(reader.read_string_list()) if target in _WITH_ARGUMENTS else None
        return cls(change, target, keyspace, name, arguments)

    def write(self, out: bytearray, version: int) -> None:
        """Appends it; v3 has no functions and aggregates, so there they are an update of their keyspace."""
        if version < PROTOCOL_V4 and self.target in _WITH_ARGUMENTS:
            for text in ("UPDATED", "KEYSPACE", self.keyspace):
                write_string(out, text)
            return
        for text in (self.change, self.target, self.keyspace):
            write_string(out, text)
        if self.name is not None:
            write_string(out, self.name)
        if self.argument_types is not None:
            write_string_list(out, self.argument_types)
