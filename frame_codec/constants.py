"""The numbers and names of CQL native protocol v3 and v4.

Enums for reading and writing messages; code on the hot path compares the plain ints that they are.
Sections are those of native_protocol_v4.spec.
"""

from enum import IntEnum, IntFlag, StrEnum
from typing import Final

PROTOCOL_V3: Final = 3
PROTOCOL_V4: Final = 4

RESPONSE_BIT: Final = 0x80
"""Direction bit of the version byte: set in responses (section 2.1)."""

REQUEST_VERSIONS: Final = frozenset({PROTOCOL_V3, PROTOCOL_V4})
"""First bytes of the requests that we speak."""

RESPONSE_VERSIONS: Final = frozenset({PROTOCOL_V3 | RESPONSE_BIT, PROTOCOL_V4 | RESPONSE_BIT})
"""First bytes of the responses that we speak."""

EVENT_STREAM: Final = -1
"""Stream of every EVENT message (section 2.3)."""


class Opcode(IntEnum):
    """What a frame's body holds (section 2.4)."""

    ERROR = 0x00
    STARTUP = 0x01
    READY = 0x02
    AUTHENTICATE = 0x03
    OPTIONS = 0x05
    SUPPORTED = 0x06
    QUERY = 0x07
    RESULT = 0x08
    PREPARE = 0x09
    EXECUTE = 0x0A
    REGISTER = 0x0B
    EVENT = 0x0C
    BATCH = 0x0D
    AUTH_CHALLENGE = 0x0E
    AUTH_RESPONSE = 0x0F
    AUTH_SUCCESS = 0x10


class FrameFlag(IntFlag):
    """Flags of the frame header (section 2.2). The last two exist since v4."""

    COMPRESSED = 0x01
    TRACING = 0x02
    CUSTOM_PAYLOAD = 0x04
    WARNING = 0x08


class QueryFlag(IntFlag):
    """Flags of the query parameters of QUERY and EXECUTE (section 4.1.4).

    A BATCH uses the same byte, with the four lowest bits always 0 (section 4.1.7).
    """

    VALUES = 0x01
    SKIP_METADATA = 0x02
    PAGE_SIZE = 0x04
    PAGING_STATE = 0x08
    SERIAL_CONSISTENCY = 0x10
    DEFAULT_TIMESTAMP = 0x20
    NAMED_VALUES = 0x40


class RowsFlag(IntFlag):
    """Flags of the metadata of Rows and Prepared results (section 4.2.5.2)."""

    GLOBAL_TABLES_SPEC = 0x0001
    HAS_MORE_PAGES = 0x0002
    NO_METADATA = 0x0004


class ResultKind(IntEnum):
    """First [int] of a RESULT body (section 4.2.5)."""

    VOID = 0x0001
    ROWS = 0x0002
    SET_KEYSPACE = 0x0003
    PREPARED = 0x0004
    SCHEMA_CHANGE = 0x0005


class ErrorCode(IntEnum):
    """First [int] of an ERROR body (section 9).

    Servers may send others (v5 codes, ScyllaDB's rate limit), so an error's code is read as a plain int.
    """

    SERVER_ERROR = 0x0000
    PROTOCOL_ERROR = 0x000A
    AUTHENTICATION_ERROR = 0x0100
    UNAVAILABLE = 0x1000
    OVERLOADED = 0x1001
    IS_BOOTSTRAPPING = 0x1002
    TRUNCATE_ERROR = 0x1003
    WRITE_TIMEOUT = 0x1100
    READ_TIMEOUT = 0x1200
    READ_FAILURE = 0x1300
    FUNCTION_FAILURE = 0x1400
    WRITE_FAILURE = 0x1500
    SYNTAX_ERROR = 0x2000
    UNAUTHORIZED = 0x2100
    INVALID = 0x2200
    CONFIG_ERROR = 0x2300
    ALREADY_EXISTS = 0x2400
    UNPREPARED = 0x2500


class BatchType(IntEnum):
    """First [byte] of a BATCH body (section 4.1.7)."""

    LOGGED = 0
    UNLOGGED = 1
    COUNTER = 2


class BatchKind(IntEnum):
    """First [byte] of a query inside a BATCH: a text or a prepared id (section 4.1.7)."""

    TEXT = 0
    PREPARED = 1


class ConsistencyLevel(IntEnum):
    """[consistency] (section 3)."""

    ANY = 0x0000
    ONE = 0x0001
    TWO = 0x0002
    THREE = 0x0003
    QUORUM = 0x0004
    ALL = 0x0005
    LOCAL_QUORUM = 0x0006
    EACH_QUORUM = 0x0007
    SERIAL = 0x0008
    LOCAL_SERIAL = 0x0009
    LOCAL_ONE = 0x000A


class EventType(StrEnum):
    """Names in REGISTER and at the start of EVENT (section 4.2.6)."""

    TOPOLOGY_CHANGE = "TOPOLOGY_CHANGE"
    STATUS_CHANGE = "STATUS_CHANGE"
    SCHEMA_CHANGE = "SCHEMA_CHANGE"


class WriteType(StrEnum):
    """Kinds of write named by WRITE_TIMEOUT and WRITE_FAILURE (section 9), with those servers added since."""

    SIMPLE = "SIMPLE"
    BATCH = "BATCH"
    UNLOGGED_BATCH = "UNLOGGED_BATCH"
    COUNTER = "COUNTER"
    BATCH_LOG = "BATCH_LOG"
    CAS = "CAS"
    VIEW = "VIEW"
    CDC = "CDC"


class TypeId(IntEnum):
    """Option ids of column types (section 4.2.5.2).

    TEXT is that of protocol v1, and DURATION that of v5, which ScyllaDB sends in v4 too.
    """

    CUSTOM = 0x0000
    ASCII = 0x0001
    BIGINT = 0x0002
    BLOB = 0x0003
    BOOLEAN = 0x0004
    COUNTER = 0x0005
    DECIMAL = 0x0006
    DOUBLE = 0x0007
    FLOAT = 0x0008
    INT = 0x0009
    TEXT = 0x000A
    TIMESTAMP = 0x000B
    UUID = 0x000C
    VARCHAR = 0x000D
    VARINT = 0x000E
    TIMEUUID = 0x000F
    INET = 0x0010
    DATE = 0x0011
    TIME = 0x0012
    SMALLINT = 0x0013
    TINYINT = 0x0014
    DURATION = 0x0015
    LIST = 0x0020
    MAP = 0x0021
    SET = 0x0022
    UDT = 0x0030
    TUPLE = 0x0031
