"""The configuration file: its keys, their defaults and limits, and one clear line for each thing wrong in it.

`load_config` gives a `Config` that is whole and consistent, or a `ConfigError` with every problem found.
Nothing here opens a connection or resolves a name: a file is judged by its text alone.
config/proxy.yaml explains each key to the operator.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from cqlproxy import config_values as values
from cqlproxy.config_clashes import clashes
from cqlproxy.config_environment import add_accounts
from cqlproxy.config_section import (
    MAPPING,
    Address,
    ContactPoints,
    Count,
    FilePath,
    Flag,
    Host,
    Milliseconds,
    Networks,
    Port,
    Seconds,
    Section,
)
from cqlproxy.config_tls import ClusterTls, ListenTls, ServerTls
from cqlproxy.modes import SPELLINGS, Mode
from cqlproxy.yaml_document import DocumentError, read_document
from frame_codec import ConsistencyLevel

MAX_FRAME_BYTES: Final = 256 * 1024 * 1024
"""The longest frame that the protocol allows (native protocol v4, section 2.5)."""


class ConfigError(Exception):
    """The configuration cannot be used; `problems` has a line, `path.to.key: what is wrong`, per reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Listen(Section):
    """Where clients connect, and what they are told about it."""

    host: Host = "127.0.0.1"
    port: Port = 9042
    advertised_address: Address | None = None
    """The address shown in system.local and system.peers; None: the one that the client connected to."""
    max_frame_bytes: Annotated[int, BeforeValidator(values.size(4096, MAX_FRAME_BYTES))] = MAX_FRAME_BYTES
    """The longest body of a frame that a client may send; one that claims more ends its connection."""
    allowed_networks: Networks | None = None
    """Where clients may be; None: anywhere."""
    max_clients: Count = 10_000
    """Connections at the same time."""
    max_clients_per_address: Count = 5_000
    max_requests: Count = 50_000
    """Requests of all clients that were taken and are not answered; OVERLOADED beyond."""
    max_requests_per_client: Count = 8_192
    """The same of one connection."""
    handshake_seconds: Seconds = 10.0
    """From the connection to the end of the handshake."""
    frame_seconds: Seconds = 30.0
    """From the first byte of a frame to its last."""
    idle_seconds: Annotated[float, BeforeValidator(values.number(0, 86_400, "seconds"))] = 3_600.0
    """For which a client may ask nothing; 0: for ever."""
    unread_seconds: Seconds = 30.0
    """For which a client may leave its answers unread."""
    max_unread_bytes: Annotated[int, BeforeValidator(values.size(2 * 2**20, 2**40))] = 256 * 2**20
    """Bytes of answers that one client has not taken."""
    tls: Annotated[ListenTls | None, MAPPING] = None


class ClusterAddress(Section):
    """How to reach one cluster."""

    contact_points: ContactPoints
    port: Port = 9042
    local_datacenter: Annotated[str, BeforeValidator(values.datacenter)] | None = None
    """The datacenter whose nodes are spoken to; None: that of the first contact point that answers."""
    username: Annotated[str, BeforeValidator(values.username)] | None = None
    """The proxy's own account there; None where the cluster lets everybody in."""
    password: Annotated[SecretStr, BeforeValidator(values.password)] | None = None
    password_file: FilePath | None = None
    """Instead of ``password``; read whenever a connection is made."""
    auth: (
        Annotated[Literal["service", "client"], BeforeValidator(values.one_of("service", "client"))] | None
    ) = None
    """With whose credentials clients' requests run there. None: ``client`` on the primary, where nothing else
    can be given; ``service``, the proxy's, on the shadow."""
    tls: Annotated[ClusterTls | None, MAPPING] = None


class Mirror(Section):
    """What is copied, how it is delivered, and what is kept of it on disk."""

    max_requests: Annotated[int, BeforeValidator(values.whole_number(1, 100_000_000))] = 50_000
    max_bytes: Annotated[int, BeforeValidator(values.size(1024, 2**40))] = 64 * 1024 * 1024
    overflow: Annotated[
        Literal["spill", "drop", "block"], BeforeValidator(values.one_of("spill", "drop", "block"))
    ] = "spill"
    """What becomes of a copy for which the two limits leave no room: journaled, dropped, or waited for."""
    shadow_timeout_ms: Milliseconds = 2_000
    """How long one attempt to deliver a copy may take, to whichever cluster."""
    consistency: Annotated[ConsistencyLevel | None, BeforeValidator(values.write_consistency)] = None
    """With which copies are written; None: that of the client's request."""
    pin_timestamps: Flag = True
    """Whether a mutation without a write time gets one from the proxy, the same on both clusters."""
    schema_changes: Flag = True
    """Whether DDL and TRUNCATE are copied."""
    retry_interval_secs: Annotated[float, BeforeValidator(values.number(0.01, 3_600, "seconds"))] = 1.0
    """The pause before the first further attempt at a copy, about; each next one is longer."""
    max_retry_attempts: Annotated[int, BeforeValidator(values.whole_number(0, 1_000))] = 5
    """Further attempts at a copy that fails while others arrive, before it is a dead letter."""
    journal: Annotated[
        Literal["off", "overflow", "always"], BeforeValidator(values.one_of("off", "overflow", "always"))
    ] = "overflow"
    """Which copies are kept on disk: none, those that memory cannot hold or deliver, or every one."""
    journal_path: FilePath = Field(default=Path("cqlproxy-journal.db"), validate_default=True)
    """As written if absolute, else beside the configuration file."""
    journal_max_bytes: Annotated[int, BeforeValidator(values.size(2**20, 2**50))] = 10 * 2**30
    journal_full: Annotated[
        Literal["drop_oldest", "block"], BeforeValidator(values.one_of("drop_oldest", "block"))
    ] = "drop_oldest"
    """What happens when a copy comes for which the journal has no room."""
    journal_fsync_ms: Annotated[int, BeforeValidator(values.whole_number(0, 60_000, "milliseconds"))] = 1_000
    """How long a journaled copy may be in the operating system's hands only; 0: not at all."""
    replay_rate: Annotated[int, BeforeValidator(values.whole_number(1, 10_000_000))] = 20_000
    """How many copies a second are at most taken from the journal."""


class Filters(Section):
    """Where the governor's rules are."""

    rules_file: FilePath
    """As written if absolute, else beside the configuration file."""


class Admin(Section):
    """Where the HTTP endpoints for operators are served."""

    host: Host = "127.0.0.1"
    """Of the loopback interface, unless there is a token."""
    port: Port = 8080
    token: Annotated[SecretStr | None, BeforeValidator(values.token)] = None
    """What requests must carry; never set together with ``token_file``."""
    token_file: FilePath | None = None
    """Where the token stands instead; the file is read again when it changes."""
    tls: Annotated[ServerTls | None, MAPPING] = None

    @property
    def url(self) -> str:
        """Where it is served."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls is None else 'https'}://{host}:{self.port}"


class Log(Section):
    """How much is logged to stderr, and in which form."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(values.one_of("debug", "info", "warning", "error")),
    ] = "info"
    format: Annotated[Literal["text", "json"], BeforeValidator(values.one_of("text", "json"))] = "text"


class Config(Section):
    """The whole configuration: immutable, sizes in bytes, paths resolved."""

    listen: Annotated[Listen, MAPPING] = Listen()
    primary: Annotated[ClusterAddress, MAPPING]
    shadow: Annotated[ClusterAddress | None, MAPPING] = None
    """Never None when `mode` uses the shadow."""
    mode: Annotated[Mode, BeforeValidator(values.write_mode)]
    """The mode until somebody switches it while the proxy runs: see state_file.py."""
    state_file: FilePath = Field(default=Path("cqlproxy-state.json"), validate_default=True)
    """As written if absolute, else beside the configuration file."""
    mirror: Annotated[Mirror, MAPPING] = Mirror()
    filters: Annotated[Filters | None, MAPPING] = None
    """None: nothing is held back."""
    admin: Annotated[Admin, MAPPING] = Admin()
    log: Annotated[Log, MAPPING] = Log()
    sync_on_shadow_failure: Annotated[
        Literal["fail", "queue"], BeforeValidator(values.one_of("fail", "queue"))
    ] = "fail"
    """In dual_write_sync, what becomes of a write that the primary has and the shadow refuses."""
    validation_percentage: Annotated[float, BeforeValidator(values.number(0, 100))] = 0.0
    """How many of a hundred reads are also run on the other cluster and compared."""
    validation_recheck_ms: Milliseconds = 1_000
    """How long after a difference both clusters are read once more, before it counts."""
    request_timeout_ms: Milliseconds = 12_000
    """How long a client's request may wait for the cluster that answers it."""
    connect_timeout: Seconds = 60.0
    """How long, in seconds, the primary is tried at start before the proxy gives up."""
    shutdown_drain_seconds: Annotated[float, BeforeValidator(values.number(0, 3_600, "seconds"))] = 5.0
    """How long a proxy that stops delivers copies, before the rest goes to the journal."""
    auth_recheck_seconds: Annotated[float, BeforeValidator(values.number(1, 86_400, "seconds"))] = 60.0
    """Within which time a client is disconnected whose password was changed or revoked."""
    max_prepared_statements: Count = 20_000
    """Prepared statements that are remembered, for each protocol version."""
    max_keyspaces: Annotated[int, BeforeValidator(values.whole_number(1, 10_000))] = 64
    """Keyspaces with connections of their own, on each cluster, at the same time."""


_SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "": Config,
    "listen": Listen,
    "listen.tls": ListenTls,
    "primary": ClusterAddress,
    "primary.tls": ClusterTls,
    "shadow": ClusterAddress,
    "shadow.tls": ClusterTls,
    "mirror": Mirror,
    "filters": Filters,
    "admin": Admin,
    "admin.tls": ServerTls,
    "log": Log,
}
_REQUIRED: Final = {
    "primary": "a mapping with at least contact_points",
    "contact_points": "a list of hosts, such as [127.0.0.1]",
    "mode": f"one of {', '.join(Mode)}",
    "rules_file": "the path of a file",
    "cert_file": "the path of a PEM file",
    "key_file": "the path of a PEM file",
}


def load_config(path: Path) -> Config:
    """Read and check the file at `path`. Raises ConfigError with every problem that was found."""
    try:
        document = read_document(path)
    except DocumentError as error:
        raise ConfigError(error.problems) from None
    add_accounts(document, os.environ)
    problems = _lacking_shadow(document)
    # Left out, it has paths all the same, and those are beside the file.
    document.setdefault("mirror", {})
    try:
        config = Config.model_validate(document, context={"folder": path.absolute().parent})
    except ValidationError as error:
        raise ConfigError([_problem(details) for details in error.errors()] + problems) from None
    problems += clashes(config, path.absolute())
    if problems:
        raise ConfigError(problems)
    return config


def _lacking_shadow(document: dict[str, object]) -> list[str]:
    """Judged on the document, so that it is reported together with what else is wrong."""
    written = document.get("mode")
    mode = SPELLINGS.get(written) if isinstance(written, str) else None
    if "shadow" in document or mode is None or not mode.uses_shadow:
        return []
    return [f"shadow: is required in mode {mode} (a mapping with at least contact_points)"]


def _problem(details: ErrorDetails) -> str:
    *section, last = details["loc"]
    if details["type"] == "extra_forbidden":
        what = _unknown_key(str(last), _SECTIONS[".".join(map(str, section))])
    elif details["type"] == "missing":
        what = f"is required ({_REQUIRED[str(last)]})"
    else:
        what = str(details["ctx"]["error"])
    return f"{_path(details['loc'])}: {what}"


def _path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _unknown_key(key: str, section: type[BaseModel]) -> str:
    known = list(section.model_fields)
    near = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    return f"is not a known key{hint} (accepted here: {', '.join(known)})"
