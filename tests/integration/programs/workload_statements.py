"""A statement of each kind that changes something: what ``workload.py`` sends.

`KINDS` maps a name to a weight and to a function that gives the statement and its values. Statements whose
effect depends on what is there already, and not on write times alone, go to keys that are the client's own.
"""

from __future__ import annotations

from cassandra.query import BatchStatement, BatchType

from tests.integration.programs.workload_client import Kind, Sent, Writer, batch, named, plain, prepared

_INSERT = "INSERT INTO $ks.items (k, c, v, w) VALUES (?, ?, ?, ?)"
_TEXT_INSERT = "INSERT INTO $ks.items (k, c, v, w) VALUES ($k, $c, $v, $w)"
_ITEM = {"k": "k", "c": "c", "v": "Word", "w": "number"}
_GENERATED = "INSERT INTO $ks.generated (k, c, at, id, stamp, day, hour) VALUES "
_GENERATING = "now(), uuid(), current_timestamp(), current_date(), current_time()"
_ADD = "UPDATE $ks.counts SET n = n + ?, m = m - ? WHERE k = ?"
_ADD_TEXT = "UPDATE $ks.counts SET n = n + $n WHERE k = $k"


def _conditional_batch(writer: Writer) -> Sent:
    statement = BatchStatement(BatchType.LOGGED)
    key = writer.own_key()
    statement.add(
        writer.prepared("UPDATE $ks.ledger SET total = ? WHERE k = ? IF total = ?"),
        (writer.value("few"), key, writer.value("few")),
    )
    statement.add(
        writer.prepared("UPDATE $ks.ledger SET v = ? WHERE k = ? AND c = ?"),
        (writer.value("word"), key, writer.value("c")),
    )
    return statement, None


def _indexed(writer: Writer) -> Sent:
    """A list read before it is written: by index or by value. The client knows what stands in it."""
    key = writer.own_key()
    known = writer.lists.setdefault(key, [])
    choice = writer.unique()
    if len(known) < 3:
        known[:] = [choice, choice + 1, choice]
        return writer.prepared("INSERT INTO $ks.indexed (k, l) VALUES (?, ?)"), (key, list(known))
    at = choice % len(known)
    if choice % 3 == 0:
        known[at] = choice
        return writer.prepared("UPDATE $ks.indexed SET l[?] = ? WHERE k = ?"), (at, choice, key)
    if choice % 3 == 1:
        del known[at]
        return writer.cql("DELETE l[$at] FROM $ks.indexed WHERE k = $key", at=at, key=key), None
    gone = known[at]
    known[:] = [element for element in known if element != gone]
    return writer.prepared("UPDATE $ks.indexed SET l = l - ? WHERE k = ?"), ([gone], key)


KINDS: dict[str, tuple[int, Kind]] = {
    "prepared insert": (10, prepared(_INSERT, "k", "c", "word", "number")),
    "prepared insert of everything": (
        3,
        prepared(
            "INSERT INTO $ks.items (k, c, v, w, b, s) VALUES (?, ?, ?, ?, ?, ?)",
            *("k", "c", "word", "number", "blob", "word"),
        ),
    ),
    "prepared insert, unset": (2, prepared(_INSERT, "k", "c", "unset", "number")),
    "prepared insert, null": (2, prepared(_INSERT, "k", "c", "word", "null")),
    "named insert": (
        3,
        named("INSERT INTO $ks.items (c, k, v) VALUES (:c, :k, :v)", k="k", c="c", v="word"),
    ),
    "text insert": (5, plain(_TEXT_INSERT, **_ITEM)),
    "insert of a key": (1, prepared("INSERT INTO $ks.items (k, c) VALUES (?, ?)", "k", "c")),
    "insert with TTL": (
        2,
        prepared("INSERT INTO $ks.items (k, c, v) VALUES (?, ?, ?) USING TTL ?", "k", "c", "word", "long"),
    ),
    "text insert with TTL": (2, plain(_TEXT_INSERT + " USING TTL 100000", **_ITEM)),
    "insert that expires": (
        1,
        prepared("INSERT INTO $ks.items (k, c, v) VALUES (?, ?, ?) USING TTL ?", "k", "c", "word", "short"),
    ),
    "insert with TIMESTAMP": (
        2,
        prepared(
            "INSERT INTO $ks.items (k, c, v, w) VALUES (?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?",
            *("k", "c", "word", "number", "earlier", "long"),
        ),
    ),
    "text insert with TIMESTAMP": (2, plain(_TEXT_INSERT + " USING TIMESTAMP $at", **_ITEM, at="earlier")),
    "text JSON": (
        2,
        plain(
            """INSERT INTO $ks.items JSON '{"k": $k, "c": $c, "v": "json", "w": $w}'""", k="k", c="c", w="c"
        ),
    ),
    "prepared JSON": (2, prepared("INSERT INTO $ks.items JSON ?", "json")),
    "prepared JSON, unset": (1, prepared("INSERT INTO $ks.items JSON ? DEFAULT UNSET", "json")),
    "prepared update": (
        6,
        prepared("UPDATE $ks.items SET v = ?, w = ? WHERE k = ? AND c = ?", "word", "number", "k", "c"),
    ),
    "named update": (
        2,
        named("UPDATE $ks.items SET w = :w WHERE c = :c AND k = :k", k="k", c="c", w="number"),
    ),
    "text update": (
        3,
        plain("UPDATE $ks.items SET w = $w WHERE k = $k AND c = $c", k="k", c="c", w="number"),
    ),
    "update of rows": (
        1,
        prepared("UPDATE $ks.items SET v = ? WHERE k = ? AND c IN (?, ?)", "word", "k", "c", "c"),
    ),
    "update with TTL": (
        2,
        prepared("UPDATE $ks.items USING TTL ? SET w = ? WHERE k = ? AND c = ?", "long", "number", "k", "c"),
    ),
    "update with TIMESTAMP": (
        1,
        prepared(
            "UPDATE $ks.items USING TIMESTAMP ? SET b = ? WHERE k = ? AND c = ?", "earlier", "blob", "k", "c"
        ),
    ),
    "static": (2, prepared("UPDATE $ks.items SET s = ? WHERE k = ?", "word", "k")),
    "text static": (1, plain("UPDATE $ks.items SET s = $s WHERE k = $k", s="Word", k="k")),
    "delete of a cell": (2, prepared("DELETE v FROM $ks.items WHERE k = ? AND c = ?", "k", "c")),
    "delete of cells": (1, plain("DELETE v, b FROM $ks.items WHERE k = $k AND c = $c", k="k", c="c")),
    "delete of a row": (2, prepared("DELETE FROM $ks.items WHERE k = ? AND c = ?", "k", "c")),
    "delete of a range": (
        1,
        prepared("DELETE FROM $ks.items WHERE k = ? AND c >= ? AND c < ?", "k", "low", "c"),
    ),
    "text delete of a range": (1, plain("DELETE FROM $ks.items WHERE k = $k AND c > $c", k="k", c="c")),
    "delete of a partition": (1, prepared("DELETE FROM $ks.items WHERE k = ?", "k")),
    "delete with TIMESTAMP": (
        1,
        prepared("DELETE FROM $ks.items USING TIMESTAMP ? WHERE k = ? AND c = ?", "earlier", "k", "c"),
    ),
    "delete of a static cell": (1, prepared("DELETE s FROM $ks.items WHERE k = ?", "k")),
    "insert of parts": (
        3,
        prepared(
            "INSERT INTO $ks.parts (k, s, m, u, t, f, d) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *("k", "words", "map", "street", "pair", "list", "streets"),
        ),
    ),
    "insert of parts with TTL": (
        1,
        prepared("INSERT INTO $ks.parts (k, s, m) VALUES (?, ?, ?) USING TTL ?", "k", "words", "map", "long"),
    ),
    "text of parts": (
        2,
        plain(
            "INSERT INTO $ks.parts (k, s, m, u, t) "
            "VALUES ($k, {'a', $v}, {'a': $n, $v: 1}, {name: $v, number: $n}, ($n, $v))",
            k="k",
            v="Word",
            n="number",
        ),
    ),
    "add to a set": (2, prepared("UPDATE $ks.parts SET s = s + ? WHERE k = ?", "words", "k")),
    "text add to a set": (1, plain("UPDATE $ks.parts SET s = s + {$v} WHERE k = $k", v="Word", k="k")),
    "take from a set": (2, prepared("UPDATE $ks.parts SET s = s - ? WHERE k = ?", "words", "k")),
    "add to a map": (
        2,
        prepared("UPDATE $ks.parts SET m = m + ?, d = d + ? WHERE k = ?", "map", "streets", "k"),
    ),
    "element of a map": (2, prepared("UPDATE $ks.parts SET m[?] = ? WHERE k = ?", "word", "number", "k")),
    "delete of an element": (
        1,
        prepared("DELETE m[?], s[?] FROM $ks.parts WHERE k = ?", "word", "word", "k"),
    ),
    "take from a map": (1, prepared("UPDATE $ks.parts SET m = m - ? WHERE k = ?", "words", "k")),
    "field of a type": (
        2,
        prepared("UPDATE $ks.parts SET u.number = ?, f = ? WHERE k = ?", "number", "list", "k"),
    ),
    "delete of a field": (1, plain("DELETE u.name FROM $ks.parts WHERE k = $k", k="k")),
    "counter": (6, prepared(_ADD, "number", "number", "k")),
    "text counter": (2, plain(_ADD_TEXT, n="number", k="k")),
    "counter batch": (
        2,
        batch(
            BatchType.COUNTER, prepared(_ADD, "number", "number", "k"), plain(_ADD_TEXT, n="number", k="k")
        ),
    ),
    "text counter batch": (
        1,
        plain(f"BEGIN COUNTER BATCH {_ADD_TEXT}; {_ADD_TEXT}; APPLY BATCH", n="number", k="k"),
    ),
    "logged batch": (
        2,
        batch(
            BatchType.LOGGED,
            prepared(_INSERT, "k", "c", "word", "number"),
            plain(_TEXT_INSERT, **_ITEM),
            prepared("DELETE FROM $ks.items WHERE k = ? AND c = ?", "k", "c"),
        ),
    ),
    "unlogged batch": (
        2,
        batch(
            BatchType.UNLOGGED,
            prepared("UPDATE $ks.items SET v = ? WHERE k = ? AND c = ?", "word", "k", "c"),
            prepared("UPDATE $ks.parts SET s = s + ? WHERE k = ?", "words", "k"),
            prepared(_GENERATED + f"(?, ?, {_GENERATING})", "k", "c"),
        ),
    ),
    "text batch": (
        2,
        plain(
            f"BEGIN UNLOGGED BATCH {_TEXT_INSERT}; DELETE v FROM $ks.items WHERE k = $k AND c = 0; "
            "APPLY BATCH",
            **_ITEM,
        ),
    ),
    "text batch with TIMESTAMP": (
        1,
        plain(f"BEGIN BATCH USING TIMESTAMP $at {_TEXT_INSERT}; APPLY BATCH", **_ITEM, at="earlier"),
    ),
    "prepared batch": (
        1,
        prepared(
            f"BEGIN BATCH {_INSERT}; UPDATE $ks.items SET s = ? WHERE k = ?; APPLY BATCH",
            *("k", "c", "word", "number", "word", "k"),
        ),
    ),
    "functions": (3, prepared(_GENERATED + f"(?, ?, {_GENERATING})", "k", "c")),
    "text functions": (3, plain(_GENERATED + f"($k, $c, {_GENERATING})", k="k", c="c")),
    "functions in an update": (
        2,
        prepared("UPDATE $ks.generated SET id = uuid(), at = now() WHERE k = ? AND c = ?", "k", "c"),
    ),
    "function for a key": (
        3,
        prepared("INSERT INTO $ks.events (k, at, id, v) VALUES (?, now(), uuid(), ?)", "k", "number"),
    ),
    "text function for a key": (
        2,
        plain("INSERT INTO $ks.events (k, at, id, v) VALUES ($k, now(), uuid(), $v)", k="k", v="number"),
    ),
    "append": (3, prepared("UPDATE $ks.appended SET l = l + ? WHERE k = ?", "one", "own")),
    "prepend": (1, prepared("UPDATE $ks.appended SET l = ? + l WHERE k = ?", "one", "own")),
    "text append": (1, plain("UPDATE $ks.appended SET l = l + [$n] WHERE k = $k", n="unique", k="own")),
    "insert if not exists": (
        2,
        prepared(
            "INSERT INTO $ks.accounts (k, owner, balance) VALUES (?, ?, ?) IF NOT EXISTS",
            *("own", "name", "few"),
        ),
    ),
    "text insert if not exists": (
        1,
        plain(
            "INSERT INTO $ks.accounts (k, owner, balance) VALUES ($k, $v, $n) IF NOT EXISTS",
            k="own",
            v="Name",
            n="few",
        ),
    ),
    "update if": (
        2,
        prepared("UPDATE $ks.accounts SET balance = ? WHERE k = ? IF balance = ?", "few", "own", "few"),
    ),
    "update if, with TTL": (
        1,
        prepared(
            "UPDATE $ks.accounts USING TTL ? SET owner = ? WHERE k = ? IF balance IN (?, ?)",
            *("long", "name", "own", "few", "few"),
        ),
    ),
    "text update if": (
        1,
        plain(
            "UPDATE $ks.accounts SET balance = $n WHERE k = $k IF balance > 0 AND owner = $v",
            n="few",
            k="own",
            v="Name",
        ),
    ),
    "update if exists": (
        1,
        prepared("UPDATE $ks.accounts SET owner = ? WHERE k = ? IF EXISTS", "name", "own"),
    ),
    "delete if": (1, prepared("DELETE FROM $ks.accounts WHERE k = ? IF owner = ?", "own", "name")),
    "delete of a cell if": (1, plain("DELETE balance FROM $ks.accounts WHERE k = $k IF EXISTS", k="own")),
    "text conditional batch": (
        3,
        plain(
            "BEGIN BATCH INSERT INTO $ks.ledger (k, c, v) VALUES ($k, $c, $v) IF NOT EXISTS; "
            "UPDATE $ks.ledger SET total = $n WHERE k = $k; APPLY BATCH",
            k="own",
            c="c",
            v="Word",
            n="few",
        ),
    ),
    "prepared conditional batch": (1, _conditional_batch),
    "list by index and value": (4, _indexed),
}
