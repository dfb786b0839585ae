"""Text batches; what is inside them is in the corpus of writes."""

from __future__ import annotations

from typing import Final, NamedTuple

from cqlproxy.statements import BatchKind, Kind
from tests.unit.statements.corpus.case import Case

B: Final = Kind.BATCH
M: Final = Kind.MUTATION


class BatchCase(NamedTuple):
    """The batch as a whole, what stands before its statements, and each of these with its first marker."""

    whole: Case
    kind: BatchKind
    header: str
    statements: tuple[tuple[int, Case], ...]


CASES: Final = [
    BatchCase(
        Case("BEGIN BATCH INSERT INTO t (a) VALUES (1); APPLY BATCH", B, "t"),
        BatchKind.LOGGED,
        "BEGIN BATCH",
        ((0, Case("INSERT INTO t (a) VALUES (1)", M, "t", "a SET integer:1")),),
    ),
    BatchCase(
        Case(
            "begin unlogged batch\n insert into t (a) values (?)\n update ks.u set b = ? where k = ?"
            "\n delete from t where a = ?\n apply batch;",
            B,
            "t ks.u",
            markers=4,
        ),
        BatchKind.UNLOGGED,
        "begin unlogged batch",
        (
            (0, Case("insert into t (a) values (?)", M, "t", "a SET ?0", 1)),
            (1, Case("update ks.u set b = ? where k = ?", M, "ks.u", "b SET ?1; k = ?2", 2)),
            (3, Case("delete from t where a = ?", M, "t", "a = ?3", 1)),
        ),
    ),
    BatchCase(
        Case(
            "BEGIN COUNTER BATCH UPDATE t SET c = c + 1 WHERE k = ?; APPLY BATCH;",
            B,
            "t",
            markers=1,
            relative=True,
        ),
        BatchKind.COUNTER,
        "BEGIN COUNTER BATCH",
        ((0, Case("UPDATE t SET c = c + 1 WHERE k = ?", M, "t", "c + integer:1; k = ?0", 1, relative=True)),),
    ),
    BatchCase(
        Case(
            "BEGIN BATCH USING TIMESTAMP ? DELETE a FROM t WHERE k = ?;"
            " DELETE FROM update_log WHERE k = ';' APPLY BATCH",
            B,
            "t update_log",
            markers=2,
            timestamp=True,
        ),
        BatchKind.LOGGED,
        "BEGIN BATCH USING TIMESTAMP ?",
        (
            (1, Case("DELETE a FROM t WHERE k = ?", M, "t", "k = ?1", 1)),
            (2, Case("DELETE FROM update_log WHERE k = ';'", M, "update_log", "k = string:;")),
        ),
    ),
    BatchCase(
        Case(
            "BEGIN BATCH INSERT INTO t (a) VALUES (now()) USING TIMESTAMP 1 INSERT INTO t (a) VALUES (:x)"
            " IF NOT EXISTS USING TTL :y APPLY BATCH",
            B,
            "t",
            markers=2,
            ttl=True,
            calls=("now()",),
        ),
        BatchKind.LOGGED,
        "BEGIN BATCH",
        (
            (
                0,
                Case(
                    "INSERT INTO t (a) VALUES (now()) USING TIMESTAMP 1",
                    M,
                    "t",
                    "a SET expr()",
                    timestamp=True,
                    calls=("now()",),
                ),
            ),
            (
                0,
                Case(
                    "INSERT INTO t (a) VALUES (:x) IF NOT EXISTS USING TTL :y",
                    M,
                    "t",
                    "a SET :x@0",
                    2,
                    "IF NOT EXISTS",
                    ttl=True,
                ),
            ),
        ),
    ),
    BatchCase(
        Case(
            "BEGIN BATCH UPDATE t USING TIMESTAMP 1 SET a = 1 WHERE k = 1 IF a = ?;"
            " UPDATE t USING TIMESTAMP 2 SET a = 1 WHERE k = 1 IF EXISTS APPLY BATCH",
            B,
            "t",
            markers=1,
            timestamp=True,
        ),
        BatchKind.LOGGED,
        "BEGIN BATCH",
        (
            (
                0,
                Case(
                    "UPDATE t USING TIMESTAMP 1 SET a = 1 WHERE k = 1 IF a = ?",
                    M,
                    "t",
                    "a SET integer:1; k = integer:1",
                    1,
                    "IF a = ?",
                    (0,),
                    timestamp=True,
                ),
            ),
            (
                1,
                Case(
                    "UPDATE t USING TIMESTAMP 2 SET a = 1 WHERE k = 1 IF EXISTS",
                    M,
                    "t",
                    "a SET integer:1; k = integer:1",
                    condition="IF EXISTS",
                    timestamp=True,
                ),
            ),
        ),
    ),
    BatchCase(
        Case("BEGIN /* x; */ BATCH -- y\n INSERT INTO t JSON '{}'; -- z\n APPLY BATCH", B, "t", json=True),
        BatchKind.LOGGED,
        "BEGIN /* x; */ BATCH",
        ((0, Case("INSERT INTO t JSON '{}'", M, "t", json=True, document="string:{}")),),
    ),
    BatchCase(Case("BEGIN BATCH APPLY BATCH", B), BatchKind.LOGGED, "BEGIN BATCH", ()),
]

NO_BATCHES: Final = [
    "BEGIN BATCH",
    "BEGIN BATCH INSERT INTO t (a) VALUES (1)",
    "BEGIN BATCH INSERT INTO t (a) VALUES (1) APPLY",
    "BEGIN BATCH SELECT * FROM t APPLY BATCH",
    "BEGIN BATCH TRUNCATE t APPLY BATCH",
    "BEGIN BATCH DELETE FROM t WHERE k = (1 APPLY BATCH",
    "BEGIN BATCH ; APPLY BATCH",
    "BEGIN BATCH USING TTL 1 DELETE FROM t WHERE k = 1 APPLY BATCH",
    "BEGIN LOUD BATCH DELETE FROM t WHERE k = 1 APPLY BATCH",
    "BEGIN BATCH DELETE FROM t WHERE k = 1 APPLY BATCH; DROP TABLE t",
    "BEGIN BATCH BEGIN BATCH DELETE FROM t WHERE k = 1 APPLY BATCH APPLY BATCH",
]
