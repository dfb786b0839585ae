"""What travels beside a result: tracing, warnings, custom payloads."""

from cassandra.query import BatchStatement, BatchType, SimpleStatement

from tests.integration.programs.transcript import Transcript, conversation, described


def traced(saw: Transcript, label: str, statement: object, parameters: object = None) -> None:
    """Execute with tracing, and write down what the trace says that was traced."""
    result = saw.session.execute(statement, parameters, trace=True)
    saw.note(label, described(result))
    trace = result.get_query_trace(max_wait_sec=20)
    activities = [event.description.partition(" ")[0] for event in trace.events]
    saw.note(
        f"{label}: trace",
        {
            "request": trace.request_type,
            "parameters": dict(sorted(trace.parameters.items())),
            "has events": bool(activities),
            "parsed": "Parsing" in activities,
            "client": trace.client is not None,
        },
    )


def tracing(saw: Transcript) -> None:
    traced(saw, "traced text", "SELECT * FROM t WHERE k = 1")
    traced(saw, "traced text with values", "INSERT INTO t (k, v) VALUES (%s, %s)", (1, "traced"))
    insert = saw.session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    traced(saw, "traced prepared", insert, (2, "traced"))
    traced(saw, "traced prepared read", saw.session.prepare("SELECT v FROM t WHERE k = ?"), (2,))
    batch = BatchStatement()
    batch.add(insert, (3, "a"))
    batch.add("INSERT INTO t (k, v) VALUES (4, 'b')")
    traced(saw, "traced batch", batch)
    traced(saw, "traced condition", "INSERT INTO t (k, v) VALUES (1, 'x') IF NOT EXISTS")
    traced(saw, "traced USE", f"USE {saw.keyspace}")
    traced(saw, "traced local", "SELECT key FROM system.local")
    result = saw.session.execute("SELECT * FROM t")
    saw.note("not traced", result.response_future._query_traces)
    paged = saw.session.execute(SimpleStatement("SELECT k FROM t", fetch_size=1), trace=True)
    pages = len(list(paged))
    saw.note("a trace for each page", len(paged.response_future.get_query_trace_ids()) >= pages)


def warnings(saw: Transcript) -> None:
    # Above batch_size_warn_threshold (5 KiB), below batch_size_fail_threshold (50 KiB).
    insert = saw.session.prepare("INSERT INTO t (k, v) VALUES (?, ?)")
    large = BatchStatement()
    for key in range(10):
        large.add(insert, (key, "x" * 1000))
    saw.ask("large batch", large)
    cql = "".join(f"INSERT INTO t (k, v) VALUES ({key}, '{'y' * 1000}');" for key in range(10))
    saw.ask("large batch of text", f"BEGIN BATCH {cql} APPLY BATCH")
    scattered = BatchStatement(BatchType.UNLOGGED)
    for key in range(20):
        scattered.add(insert, (key, "z"))
    saw.ask("unlogged batch over many partitions", scattered)
    saw.ask("aggregate without a partition key", "SELECT count(v) FROM t")
    saw.ask("aggregate over partitions", "SELECT max(k) FROM t WHERE k IN (1, 2)")
    saw.ask("aggregate, prepared", saw.session.prepare("SELECT count(*) FROM t"))
    traced(saw, "warned and traced", "SELECT count(v) FROM t")


def payloads(saw: Transcript) -> None:
    payload = {"one": b"\x00\x01", "": b"", "null": None}
    insert = saw.session.prepare("INSERT INTO t (k, v) VALUES (?, ?)", custom_payload=payload)
    saw.note("custom payload of PREPARE", str(insert.custom_payload))
    saw.ask("payload with text", "INSERT INTO t (k, v) VALUES (100, 'text')", custom_payload=payload)
    saw.ask("payload with values", insert, (101, "bound"), custom_payload=payload)
    batch = BatchStatement()
    batch.add(insert, (102, "batch"))
    batch.add("INSERT INTO t (k, v) VALUES (103, 'batch text')")
    saw.ask("payload with a batch", batch, custom_payload=payload)
    saw.ask(
        "payload with a condition", "UPDATE t SET v = 'c' WHERE k = 100 IF EXISTS", custom_payload=payload
    )
    saw.ask("payload with USE", f"USE {saw.keyspace}", custom_payload=payload)
    saw.ask("payload with local", "SELECT key FROM system.local", custom_payload=payload)
    saw.ask("payload with peers", "SELECT peer FROM system.peers", custom_payload=payload)
    saw.ask("payload with a change", "CREATE TABLE u (k int PRIMARY KEY)", custom_payload=payload)
    saw.refused("payload with an error", "SELECT * FROM none", custom_payload=payload)
    saw.ask("payload of 60 kB", "SELECT * FROM t WHERE k = 1", custom_payload={"big": b"\x07" * 60_000})
    saw.ask("all of them", "SELECT * FROM t WHERE k IN (100, 101, 102, 103)")


if __name__ == "__main__":
    with conversation() as saw:
        saw.create("CREATE TABLE t (k int PRIMARY KEY, v text)")
        tracing(saw)
        warnings(saw)
        payloads(saw)
