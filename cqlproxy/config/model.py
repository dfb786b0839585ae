"""The keys of the configuration file, with their defaults and limits.

The text below each key is the operator's: docs/configuration.md and the JSON Schema are made of it.
config/proxy.yaml shows and explains the same keys at more length.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from cqlproxy.config import values
from cqlproxy.config.kind import Kind
from cqlproxy.config.section import (
    MAPPING,
    Address,
    ContactPoints,
    Count,
    Datacenter,
    FilePath,
    Flag,
    Host,
    Milliseconds,
    Networks,
    Password,
    Port,
    Seconds,
    Section,
    Token,
    Url,
    Username,
    WriteConsistency,
    WriteMode,
)
from cqlproxy.config.tls import ClusterTls, ListenTls, ServerTls

MAX_FRAME_BYTES: Final = 256 * 1024 * 1024
"""The longest frame that the protocol allows (native protocol v4, section 2.5)."""


class Listen(Section):
    """Where clients connect, and what they are told about it."""

    host: Host = "127.0.0.1"
    """An address or a host name of this machine; 0.0.0.0 for all of its addresses."""
    port: Port = 9042
    """The port for CQL."""
    advertised_address: Address | None = None
    """The address shown in system.local and system.peers; left out: the one that the client connected to."""
    max_frame_bytes: Annotated[int, values.size(4096, MAX_FRAME_BYTES)] = MAX_FRAME_BYTES
    """The longest body of a frame that a client may send; one that claims more ends its connection."""
    allowed_networks: Networks | None = None
    """Where clients may be; left out: anywhere."""
    max_clients: Count = 10_000
    """Connections at the same time."""
    max_clients_per_address: Count = 5_000
    """The same from one address."""
    max_requests: Count = 50_000
    """Requests of all clients that were taken and are not answered; what comes beyond gets OVERLOADED."""
    max_requests_per_client: Count = 8_192
    """The same of one connection."""
    handshake_seconds: Seconds = 10.0
    """How long a client may take from its connection to the end of the handshake."""
    frame_seconds: Seconds = 30.0
    """How long a client may take from the first byte of a frame to its last."""
    idle_seconds: Annotated[float, values.number(0, 86_400, "seconds")] = 3_600.0
    """For how long a client may ask nothing; 0: for ever."""
    unread_seconds: Seconds = 30.0
    """For how long a client may leave its answers unread."""
    max_unread_bytes: Annotated[int, values.size(2 * 2**20, 2**40)] = 256 * 2**20
    """Bytes of answers that one client has not taken."""
    tls: Annotated[ListenTls | None, MAPPING] = None


class ClusterAddress(Section):
    """How to reach one cluster."""

    contact_points: ContactPoints
    """One or more nodes; the others are found from them."""
    port: Port = 9042
    """The port for CQL of every node."""
    local_datacenter: Datacenter | None = None
    """The datacenter whose nodes are spoken to; left out: that of the first contact point that answers."""
    username: Username | None = None
    """The proxy's own account there; left out where the cluster lets everybody in."""
    password: Password | None = None
    """The password of that account; better in a file."""
    password_file: FilePath | None = None
    """Instead of ``password``: the file with it, read whenever a connection is made."""
    auth: Annotated[Literal["service", "client"], values.one_of("service", "client")] | None = None
    """With whose credentials clients' requests run there: ``service``, the proxy's, or ``client``, their own.
    Left out: ``client`` on the primary, where nothing else can be given, and ``service`` on the shadow."""
    circuit_timeouts: Annotated[int, values.whole_number(0, 1_000_000)] = 10
    """After how many requests that time out on one node in a row others are used; 0: never."""
    circuit_open_seconds: Seconds = 10.0
    """How long, at least, a node is passed over on which requests time out."""
    tls: Annotated[ClusterTls | None, MAPPING] = None


class Mirror(Section):
    """What is copied, how it is delivered, and what is kept of it on disk."""

    max_requests: Annotated[int, values.whole_number(1, 100_000_000)] = 50_000
    """Copies in memory, waiting or under way."""
    max_bytes: Annotated[int, values.size(1024, 2**40)] = 64 * 1024 * 1024
    """Their bytes."""
    overflow: Annotated[Literal["spill", "drop", "block"], values.one_of("spill", "drop", "block")] = "spill"
    """What becomes of a copy for which the two limits leave no room: journaled, dropped, or waited for."""
    shadow_timeout_ms: Milliseconds = 2_000
    """How long one attempt to deliver a copy may take, to whichever cluster."""
    consistency: WriteConsistency = None
    """With which consistency level copies are written; left out: that of the client's request."""
    pin_timestamps: Flag = True
    """Whether a mutation without a write time gets one from the proxy, the same on both clusters."""
    schema_changes: Flag = True
    """Whether CREATE, ALTER, DROP and TRUNCATE are copied."""
    retry_interval_secs: Annotated[float, values.number(0.01, 3_600, "seconds")] = 1.0
    """The pause before the first further attempt at a copy, about; each next one is longer."""
    max_retry_attempts: Annotated[int, values.whole_number(0, 1_000)] = 5
    """Further attempts at a copy that fails while others arrive, before it is a dead letter."""
    circuit_open_seconds: Seconds = 30.0
    """How long a cluster is spared to which five copies in a row failed, unless a node of it is connected."""
    journal: Annotated[Literal["off", "overflow", "always"], values.one_of("off", "overflow", "always")] = (
        "overflow"
    )
    """Which copies are kept on disk: none, those that memory cannot hold or deliver, or every one."""
    journal_path: FilePath = Field(default=Path("cqlproxy-journal.db"), validate_default=True)
    """Where they are kept; beside the configuration file unless absolute."""
    journal_max_bytes: Annotated[int, values.size(2**20, 2**50)] = 10 * 2**30
    """How large the journal may become."""
    journal_full: Annotated[Literal["drop_oldest", "block"], values.one_of("drop_oldest", "block")] = (
        "drop_oldest"
    )
    """What happens when a copy comes for which the journal has no room."""
    journal_fsync_ms: Annotated[int, values.whole_number(0, 60_000, "milliseconds")] = 1_000
    """How long a journaled copy may be in the operating system's hands only; 0: not at all."""
    replay_rate: Annotated[int, values.whole_number(1, 10_000_000)] = 20_000
    """How many copies a second are at most taken from the journal, for each cluster."""


class Filters(Section):
    """Where the rules are that hold writes back."""

    rules_file: FilePath
    """The rules; beside the configuration file unless absolute."""


class Admin(Section):
    """Where the HTTP endpoints for operators are served."""

    host: Host = "127.0.0.1"
    """An address of the loopback interface, unless there is a token."""
    port: Port = 8080
    """The port for HTTP."""
    token: Token = None
    """What requests must carry; better in a file."""
    token_file: FilePath | None = None
    """Instead of ``token``: the file with it, read again when it changes."""
    tls: Annotated[ServerTls | None, MAPPING] = None

    @property
    def url(self) -> str:
        """Where it is served."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls is None else 'https'}://{host}:{self.port}"


class Log(Section):
    """How much is logged to stderr, and in which form."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], values.one_of("debug", "info", "warning", "error")
    ] = "info"
    """What is logged: this and what is graver."""
    format: Annotated[Literal["text", "json"], values.one_of("text", "json")] = "text"
    """One line of text, or one JSON object a line."""


class Tracing(Section):
    """Where spans of a sample of the requests are sent to, by OTLP over HTTP. Needs ``pip install
    cqlproxy[otel]``; left out: none are made."""

    endpoint: Url = "http://127.0.0.1:4318/v1/traces"
    """The collector's URL for traces, with its path."""
    ratio: Annotated[float, values.number(0, 1)] = 0.001
    """How many of the requests are traced, from 0 to 1, where clients do not say so by ``traceparent``."""
    max_per_second: Annotated[int, values.whole_number(1, 10_000)] = 50
    """How many are traced in a second at most, whatever clients say."""
    service_name: Annotated[str, Kind(values.service_name, {"type": "string", "minLength": 1}, "a name")] = (
        "cqlproxy"
    )
    """What the spans are filed under (``service.name``)."""


class Config(Section):
    """The whole configuration: immutable, sizes in bytes, paths resolved."""

    listen: Annotated[Listen, MAPPING] = Listen()
    primary: Annotated[ClusterAddress, MAPPING]
    """The cluster that the application uses today."""
    shadow: Annotated[ClusterAddress | None, MAPPING] = None
    """The cluster that it moves to; left out only with the mode primary_only."""
    mode: WriteMode
    """Who answers the application and where its writes are copied to, until somebody switches it: from then
    on the mode of the state file counts, at each start too."""
    state_file: FilePath = Field(default=Path("cqlproxy-state.json"), validate_default=True)
    """Keeps the mode and how the last run ended; beside the configuration file unless absolute."""
    mirror: Annotated[Mirror, MAPPING] = Mirror()
    filters: Annotated[Filters | None, MAPPING] = None
    """Where the rules are that hold writes back; left out: nothing is held back."""
    admin: Annotated[Admin, MAPPING] = Admin()
    log: Annotated[Log, MAPPING] = Log()
    tracing: Annotated[Tracing | None, MAPPING] = None
    sync_on_shadow_failure: Annotated[Literal["fail", "queue"], values.one_of("fail", "queue")] = "fail"
    """In dual_write_sync, what becomes of a write that the primary has and the shadow refuses: the client
    gets the error, or success while the copy is tried again."""
    validation_percentage: Annotated[float, values.number(0, 100)] = 0.0
    """How many of a hundred reads are also run on the other cluster and compared."""
    validation_recheck_ms: Milliseconds = 1_000
    """How long after a difference both clusters are read once more, before it counts."""
    request_timeout_ms: Milliseconds = 12_000
    """How long a client's request may wait for the cluster that answers it."""
    connect_timeout: Seconds = 60.0
    """How long the primary is tried at start before the proxy gives up."""
    shutdown_drain_seconds: Annotated[float, values.number(0, 3_600, "seconds")] = 5.0
    """How long a proxy that stops delivers copies, before the rest goes to the journal."""
    auth_recheck_seconds: Annotated[float, values.number(1, 86_400, "seconds")] = 60.0
    """Within which time a client is disconnected whose password was changed or revoked."""
    max_users: Annotated[int, values.whole_number(1, 100_000)] = 500
    """Users with connections of their own, on each cluster in each protocol version, at the same time."""
    user_idle_seconds: Annotated[float, values.number(1, 86_400, "seconds")] = 300.0
    """For how long the connections of a user without clients are kept."""
    max_prepared_statements: Count = 20_000
    """Prepared statements that are remembered, for each protocol version."""
    max_keyspaces: Annotated[int, values.whole_number(1, 10_000)] = 64
    """Keyspaces with connections of their own, on each cluster, at the same time."""
    max_keyspaces_per_user: Annotated[int, values.whole_number(1, 10_000)] = 8
    """The same of one user, where clients are served on connections of their own users."""
