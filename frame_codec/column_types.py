"""Column types: the [option] of section 4.2.5.2 as a tree, and its name in CQL."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from frame_codec.constants import TypeId
from frame_codec.errors import ProtocolError
from frame_codec.reader import Reader
from frame_codec.writer import write_short, write_string

# No schema nests so deep; bytes that do would exhaust the interpreter's stack.
_MOST_NESTING: Final = 64

_NATIVE: Final = frozenset(range(TypeId.ASCII, TypeId.DURATION + 1))


@dataclass(frozen=True, slots=True)
class NativeType:
    """A type that its option id says all of."""

    id: TypeId

    @property
    def cql_name(self) -> str:
        """As CQL writes it; `text` for varchar, its more usual alias."""
        return "text" if self.id is TypeId.VARCHAR else self.id.name.lower()


@dataclass(frozen=True, slots=True)
class CustomType:
    """A type named by its server-side class, e.g. `org.apache.cassandra.db.marshal.DurationType`."""

    class_name: str

    @property
    def cql_name(self) -> str:
        """The class in single quotes, as CQL writes custom types."""
        return f"'{self.class_name}'"


@dataclass(frozen=True, slots=True)
class ListType:
    """list<element>."""

    element: "ColumnType"

    @property
    def cql_name(self) -> str:
        """As CQL writes it, without `frozen`, which the protocol does not carry."""
        return f"list<{self.element.cql_name}>"


@dataclass(frozen=True, slots=True)
class SetType:
    """set<element>."""

    element: "ColumnType"

    @property
    def cql_name(self) -> str:
        """As CQL writes it, without `frozen`, which the protocol does not carry."""
        return f"set<{self.element.cql_name}>"


@dataclass(frozen=True, slots=True)
class MapType:
    """map<key, value>."""

    key: "ColumnType"
    value: "ColumnType"

    @property
    def cql_name(self) -> str:
        """As CQL writes it, without `frozen`, which the protocol does not carry."""
        return f"map<{self.key.cql_name}, {self.value.cql_name}>"


@dataclass(frozen=True, slots=True)
class UdtType:
    """A user-defined type with its fields, (name, type), in order."""

    keyspace: str
    name: str
    fields: tuple[tuple[str, "ColumnType"], ...]

    @property
    def cql_name(self) -> str:
        """Its name alone, as its own keyspace would write it, unquoted."""
        return self.name


@dataclass(frozen=True, slots=True)
class TupleType:
    """tuple<elements>."""

    elements: tuple["ColumnType", ...]

    @property
    def cql_name(self) -> str:
        """As CQL writes it."""
        return f"tuple<{', '.join(element.cql_name for element in self.elements)}>"


ColumnType = NativeType | CustomType | ListType | SetType | MapType | UdtType | TupleType


def read_type(reader: Reader) -> ColumnType:
    """The type at the reader's position."""
    return _read(reader, _MOST_NESTING)


def _read(reader: Reader, depth: int) -> ColumnType:
    if depth == 0:
        raise ProtocolError(f"Column type is nested more than {_MOST_NESTING} deep")

    def value_of(type_id: int) -> ColumnType:
        if type_id in _NATIVE:
            return NativeType(TypeId(type_id))
        read = _PARAMETERIZED.get(type_id)
        if read is None:
            raise ProtocolError(f"Unknown column type: option id {type_id:#06x}")
        return read(reader, depth - 1)

    return reader.read_option(value_of)


def _read_udt(reader: Reader, depth: int) -> UdtType:
    keyspace = reader.read_string()
    name = reader.read_string()
    count = reader.read_short()
    return UdtType(keyspace, name, tuple((reader.read_string(), _read(reader, depth)) for _ in range(count)))


_PARAMETERIZED: Final[dict[int, Callable[[Reader, int], ColumnType]]] = {
    TypeId.CUSTOM: lambda reader, _: CustomType(reader.read_string()),
    TypeId.LIST: lambda reader, depth: ListType(_read(reader, depth)),
    TypeId.SET: lambda reader, depth: SetType(_read(reader, depth)),
    TypeId.MAP: lambda reader, depth: MapType(_read(reader, depth), _read(reader, depth)),
    TypeId.UDT: _read_udt,
    TypeId.TUPLE: lambda reader, depth: TupleType(
        tuple(_read(reader, depth) for _ in range(reader.read_short()))
    ),
}


def write_type(out: bytearray, column_type: ColumnType) -> None:
    """Appends the [option] of `column_type`."""
    match column_type:
        case NativeType(type_id):
            write_short(out, type_id)
        case CustomType(class_name):
            write_short(out, TypeId.CUSTOM)
            write_string(out, class_name)
        case ListType(element):
            write_short(out, TypeId.LIST)
            write_type(out, element)
        case SetType(element):
            write_short(out, TypeId.SET)
            write_type(out, element)
        case MapType(key, value):
            write_short(out, TypeId.MAP)
            write_type(out, key)
            write_type(out, value)
        case UdtType(keyspace, name, fields):
            write_short(out, TypeId.UDT)
            write_string(out, keyspace)
            write_string(out, name)
            write_short(out, len(fields))
            for field_name, field_type in fields:
                write_string(out, field_name)
                write_type(out, field_type)
        case TupleType(elements):
            write_short(out, TypeId.TUPLE)
            write_short(out, len(elements))
            for element in elements:
                write_type(out, element)
