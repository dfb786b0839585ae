"""The JSON that the admin API answers with, for its document; each shape is checked against real answers by
the tests. Built only when the document is asked for, so that a proxy pays for none of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cqlproxy.modes import Mode

Seconds = Annotated[float, Field(description="Since the epoch.")]
Cluster = Literal["primary", "shadow"]
Circuit = Literal["closed", "open", "half_open"]


class Shape(BaseModel):
    """An answer: with these fields and no others."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class FieldAtFault(Shape):
    field: str | None
    error: str


class Problem(BaseModel):
    """Why a request was refused."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    error: Annotated[str, Field(description="What is wrong, as a sentence.")]
    field: Annotated[str | None, Field(description="The first field at fault: `mode`, `values.id`.")] = None
    fields: Annotated[list[FieldAtFault], Field(description="All of them, when there are several.")] = []


class Health(Shape):
    status: Literal["alive"]


class Readiness(Shape):
    status: Literal["ready", "not ready"]
    reasons: Annotated[list[str], Field(description="Why it is not.")]


class ModeShown(Shape):
    mode: Mode
    since: Seconds
    by: Annotated[str, Field(description="Who has set it.")]
    answered_by: Annotated[Cluster, Field(description="The cluster that answers clients.")]


class ModeSwitched(ModeShown):
    previous: Mode


class RulesSummary(Shape):
    path: str | None
    content_hash: str | None
    loaded_at: Seconds | None
    reload_interval_secs: float | None
    enforce: bool
    tenants: Annotated[int, Field(description="How many; never which.")]
    tenant_columns: list[str]
    tenant_columns_by_table: dict[str, list[str]]
    on_unknown_tenant: str | None
    table_blacklist: list[str]
    table_whitelist: list[str] | None


class RulesFile(Shape):
    state: Annotated[
        Literal["none", "in force", "refused"],
        Field(description="`refused`: it cannot be used as it is now, and earlier rules are in force."),
    ]
    problems: list[str]


class RulesShown(Shape):
    rules: RulesSummary
    file: RulesFile
    copies_sent_under_earlier_rules: int
    filtered_by_reason: dict[str, int]
    would_filter_by_reason: dict[str, int]


class TestedStatement(Shape):
    statement: str
    keyspace: str | None
    table: str | None
    copied: Annotated[bool | None, Field(description="null: it depends on the values that are bound.")]
    would_hold: Annotated[bool, Field(description="Rules that are not enforced would hold it back.")]
    reason: str | None
    why: str


class TestedStatements(Shape):
    statements: list[TestedStatement]


class Letter(Shape):
    id: int
    target: Annotated[Cluster, Field(description="The cluster that lacks the write.")]
    keyspace: str | None
    tables: list[str]
    statement: str
    values: Any
    consistency: str
    written_at: str
    first_attempt: str | None
    last_attempt: str | None
    attempts: int
    reason: str
    error: str


class Letters(Shape):
    total: Annotated[int, Field(description="Of all letters, whichever were asked for.")]
    letters: list[Letter]
    next: Annotated[int | None, Field(description="What to give as `after` for the next page.")]


class Replayed(Shape):
    replayed: int


class Purged(Shape):
    purged: int


class ConfigShown(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    config: Annotated[dict[str, Any], Field(description="As in the file, with defaults; secrets masked.")]
    changeable: Annotated[list[str], Field(description="Keys that PATCH takes, such as `log.level`.")]


class ConfigChanged(ConfigShown):
    changed: Annotated[dict[str, Any], Field(description="By key: the value `from` before, `to` now.")]


class ConfigSchema(BaseModel):
    """A JSON Schema."""

    model_config = ConfigDict(extra="allow", defer_build=True)


class Mirror(Shape):
    target: Annotated[Cluster, Field(description="The cluster that these copies are for.")]
    paused: bool
    paused_since: Seconds | None
    paused_by: str | None
    queue_depth: Annotated[int, Field(description="In memory, those under way included.")]
    queue_bytes: int
    in_flight: int
    journal_depth: Annotated[int, Field(description="Waiting in the journal, or read back from it.")]
    remaining: Annotated[int, Field(description="All that are not settled.")]
    lag_seconds: Annotated[float, Field(description="Age of the oldest in memory.")]
    copies_per_second: Annotated[float, Field(description="Delivered, over the last ten seconds.")]
    seconds_left: Annotated[
        float | None, Field(description="Until none remains, at this pace; null: they do not become fewer.")
    ]
    window: Annotated[int, Field(description="How many may be under way at the same time.")]
    circuit: Annotated[Circuit, Field(description="`open`: the cluster fails and is spared.")]


class Mirrors(Shape):
    mirrors: Annotated[list[Mirror], Field(description="Empty without a shadow.")]


class Drained(Shape):
    drained: Annotated[bool, Field(description="All that were taken before the call have arrived.")]
    remaining: int
    copies_per_second: float
    seconds_left: float | None
    waited_seconds: float
    mirrors: list[Mirror]


class NodeState(Shape):
    address: str
    up: bool
    circuit: Annotated[Circuit, Field(description="`open`: requests time out there, and it is passed over.")]


class ClusterState(Shape):
    name: Cluster
    ready: Annotated[bool, Field(description="At least one node is connected.")]
    nodes: list[NodeState]


class JournalState(Shape):
    bytes: int
    failing: bool
    unprotected: int


class Clients(Shape):
    connections: int
    requests_under_way: int


class RulesState(Shape):
    state: Literal["none", "in force", "refused"]
    enforce: bool
    content_hash: str | None


class Totals(Shape):
    total_writes: int
    successful_writes: int
    failed_writes: int
    filtered_writes: int
    mirrored_writes: int
    dropped_writes: int
    retried_writes: int
    dead_letters: int
    queue_depth: int
    journal_depth: int
    mirror_lag_seconds: float
    validated_reads: int
    consistency_mismatches: int


class Status(Shape):
    version: str
    ready: bool
    reasons: list[str]
    uptime_seconds: float
    last_run: Annotated[str, Field(description="How the run before this one ended: none, clean, unclean.")]
    mode: ModeShown
    clusters: list[ClusterState]
    mirrors: list[Mirror]
    journal: JournalState | None
    clients: Clients
    rules: RulesState
    totals: Totals


class EventShown(Shape):
    number: Annotated[int, Field(description="Ascending; another one when the same happens once more.")]
    kind: Annotated[str, Field(description="What it is about: `mode`, `nodes`, `copies`, `journal`, ...")]
    level: Literal["info", "warning", "error", "critical"]
    first: Seconds
    last: Seconds
    times: Annotated[int, Field(description="How often it was told, at most a minute apart.")]
    text: Annotated[str, Field(description="Without values of rows, which only the log has.")]
    particulars: dict[str, str]


class EventsShown(Shape):
    events: Annotated[list[EventShown], Field(description="The newest first.")]


class CqlError(Shape):
    code: Annotated[int | None, Field(description="Of the native protocol; null for `NOT_APPLIED`.")]
    name: Annotated[str, Field(description="Such as `INVALID`, `WRITE_TIMEOUT`, `UNAVAILABLE`.")]
    message: str
    may_be_applied: Annotated[bool, Field(description="The write may be there all the same.")]


class WriteAnswer(Shape):
    success: bool
    request_id: Annotated[str, Field(description="The one that was given, else a new one.")]
    write_timestamp: Annotated[
        int | None,
        Field(description="Microseconds. null: the server chooses it, as for conditional writes."),
    ]
    latency_ms: float
    error: CqlError | None = None


class Stats(Totals):
    """Figures since the start of the process; those below at least."""

    model_config = ConfigDict(extra="allow")

    mode: Mode
    uptime_seconds: float
