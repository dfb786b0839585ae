"""Texts of a megabyte: what people write, and what is as dense as can be.

Each is a beginning, what is repeated, and an end. ``{0}`` in what is repeated is a number that differs from
one to the next.
"""

from __future__ import annotations

from typing import Final

from cqlproxy.statements import Kind

MEGABYTE: Final = 1_000_000
BATCH: Final = ("BEGIN BATCH ", "APPLY BATCH")
INSERT: Final = ("INSERT INTO t (a) VALUES (", ")")
SET: Final = ("UPDATE t SET ", "a=1 WHERE k=1")
WHERE: Final = ("DELETE FROM t WHERE ", "k=1")
CONDITION: Final = ("DELETE FROM t WHERE k=1 IF ", "a=1")
SELECT: Final = ("SELECT ", "a FROM t")

Shape = tuple[tuple[str, str], str, Kind]

WRITTEN: Final[list[Shape]] = [
    # values
    (("INSERT INTO t (a) VALUES ('", "')"), "x", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ('", "')"), "''", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ($$", "$$)"), "$ ", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ('", "')"), "\u4e16\U0001f600", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES (0x", ")"), "cafe", Kind.MUTATION),
    (("INSERT INTO t JSON '", "'"), '{{"a": {0}}}', Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ({", "'z'})"), "'{0:012}',", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ({", "'z':1})"), "'{0:07}':{0},", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ({", "1:1})"), "1:1,", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ([", "{{a:1}}])"), "{{street:'x',zip:{0}}},", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ([", "0.1])"), "-0.1,", Kind.MUTATION),
    (("INSERT INTO t (a) VALUES ({", "1})"), "1,", Kind.MUTATION),
    (SET, "m['key{0:06}']='value {0}',", Kind.MUTATION),
    (("DELETE FROM t WHERE k IN (", "1)"), "1,", Kind.MUTATION),
    (("DELETE FROM t WHERE k IN (", "'z')"), "'{0:08}',", Kind.MUTATION),
    (("DELETE FROM t WHERE k IN (", "1)"), "550e8400-e29b-41d4-a716-{0:012},", Kind.MUTATION),
    (("DELETE FROM t WHERE (a, b) IN (", "(1, 2))"), "({0}, 'x'),", Kind.MUTATION),
    # batches of what people write
    (BATCH, "INSERT INTO ks.events (id, at, what) VALUES ({0}, 'monday', 'something');", Kind.BATCH),
    (BATCH, "INSERT INTO ks.t (a, b, c) VALUES ({0}, 'x', 3)\n", Kind.BATCH),
    (BATCH, 'INSERT INTO "Ks"."T" ("A", "B") VALUES ({0}, true) ;\n', Kind.BATCH),
    (BATCH, "INSERT INTO ks.t (a, b) VALUES (1, {0}); -- a row\n", Kind.BATCH),
    (BATCH, 'INSERT INTO ks.t JSON \'{{"id": {0}, "what": "something"}}\';', Kind.BATCH),
    (BATCH, "UPDATE ks.t SET a = {0}, b = 'x' WHERE k = {0};", Kind.BATCH),
    (BATCH, "UPDATE ks.views SET n = n + 1 WHERE page = 'page{0:06}' AND day = '2024-01-01';", Kind.BATCH),
    (BATCH, "UPDATE ks.carts SET items = items + ['item {0:06}'] WHERE id = 'cart{0:06}';", Kind.BATCH),
    (BATCH, "DELETE FROM t WHERE k={0};", Kind.BATCH),
    (BATCH, "DELETE FROM t WHERE k=1;", Kind.BATCH),
    (BATCH, "DELETE FROM t WHERE k=1 ", Kind.BATCH),
    (BATCH, "DELETE a FROM t WHERE k=1;", Kind.BATCH),
    (BATCH, "INSERT INTO t(a)VALUES(1);", Kind.BATCH),
    (
        BATCH,
        "INSERT INTO ks.events (id, at, what) VALUES ({0}, 'monday', 'something');\n"
        "UPDATE ks.totals SET total = {0}, last = 'something' WHERE id = 'cart {0}';\n",
        Kind.BATCH,
    ),
    # reads, definitions, comments, blanks
    (SELECT, "a,", Kind.READ),
    (("SELECT a FROM t WHERE k IN (", "1)"), "'{0}',", Kind.READ),
    (("SELECT a FROM t ", ""), " ", Kind.READ),
    (("SELECT a FROM t ", ""), "--\n", Kind.READ),
    (("SELECT a FROM t ", ""), "/**/", Kind.READ),
    (("SELECT a FROM t ", ""), ";", Kind.READ),
    (("CREATE TABLE t (", "PRIMARY KEY (a))"), "a{0} int,", Kind.SCHEMA),
    (("CREATE MATERIALIZED VIEW v AS SELECT ", "a FROM t"), "a,", Kind.SCHEMA),
]
"""What must be analysed, not merely be held back: legal on a server, or as dense as a bulk load is."""

DENSE: Final[list[tuple[tuple[str, str], str]]] = [
    (BATCH, "DELETE FROM t{0} WHERE k=1;"),
    (BATCH, "DELETE FROM t WHERE k=1 IF a=1;"),
    (BATCH, "DELETE FROM t WHERE k=1 IF EXISTS "),
    (BATCH, "DELETE FROM t WHERE k = 'a b c' IF v = 'x y z';"),
    (BATCH, "DELETE l[0] FROM t WHERE k=1;"),
    (BATCH, "DELETE FROM t WHERE k IN();"),
    (BATCH, "DELETE FROM t WHERE(a)=(1);"),
    (BATCH, "INSERT INTO t(a)VALUES(now());"),
    (BATCH, "INSERT INTO t(a)VALUES([]);"),
    (BATCH, "INSERT INTO t(a)VALUES(1)USING TTL 1;"),
    (BATCH, "INSERT INTO t(a)VALUES(1)IF NOT EXISTS;"),
    (BATCH, "INSERT INTO t JSON'';"),
    (BATCH, "UPDATE t SET c=c+1 WHERE k=1;"),
    (BATCH, "UPDATE t SET a[1]=1 WHERE k=1;"),
    (BATCH, "UPDATE t USING TTL 1 SET a=1 WHERE k=1;"),
    (BATCH, "DELETE FROM t WHERE k=:k;"),
    (BATCH, "INSERT INTO t(a)VALUES({0});UPDATE t SET a=1 WHERE k={0};"),
    (BATCH, "TRUNCATE t;"),
    (BATCH, ";"),
    (INSERT, "f(),"),
    (INSERT, "now(),"),
    (INSERT, "("),
    (INSERT, "(),("),
    (INSERT, "- "),
    (INSERT, "(int)1+"),
    (INSERT, "(int)"),
    (INSERT, "1+"),
    (INSERT, "1.+"),
    (INSERT, "''+"),
    (INSERT, "-1+"),
    (INSERT, "f()+"),
    (INSERT, "[]+"),
    (INSERT, "1e"),
    (INSERT, "{"),
    (INSERT, ":"),
    (INSERT, "."),
    (("INSERT INTO t (a) VALUES (a", ")"), "[1]"),
    (("INSERT INTO t (a) VALUES (g(", "1))"), "uuid(),"),
    (("INSERT INTO t (a) VALUES ({", "a:1})"), "a:b,"),
    (("INSERT INTO t (a) VALUES ({", "1:1})"), "1:{{1:1}},"),
    (("INSERT INTO t (a) VALUES ([", "?])"), "?,"),
    (("INSERT INTO t(a)VALUES(1)", ""), "IF NOT EXISTS "),
    (("INSERT INTO t(a)VALUES(1)", ""), "IF a=1 "),
    (("INSERT INTO t(a)VALUES(1)", ""), "USING TTL 1 "),
    (SET, "a=1,"),
    (SET, "a=-1,"),
    (SET, "a=b(1),"),
    (SET, "a=a+1,"),
    (SET, "a[1]=1,"),
    (SET, "a.b=1,"),
    (SET, "a={{}},"),
    (SET, "f(a)[1]=1,"),
    (("UPDATE t SET ", "!"), "a=1,"),
    (WHERE, "k=1 AND "),
    (WHERE, "(k=1)AND "),
    (WHERE, "(a)=(1)AND "),
    (WHERE, "(a)in((1))AND "),
    (WHERE, "(a,b)=(1,2) AND "),
    (WHERE, "k in(1)AND "),
    (WHERE, "k in("),
    (WHERE, "k[1]=1 AND "),
    (WHERE, "k.a=1 AND "),
    (WHERE, "f(k)>f(1)AND "),
    (WHERE, "k is null AND "),
    (WHERE, "k not in(1)and "),
    (WHERE, "("),
    (CONDITION, "a=1 AND "),
    (CONDITION, "a[1]=1 AND "),
    (CONDITION, "a in(1)and "),
    (("DELETE FROM t WHERE k IN (", "1)"), "-1,"),
    (("DELETE FROM t WHERE k IN (", "1)"), "P,"),
    (("DELETE FROM t WHERE k IN (", "1)"), "(a)1,"),
    (("DELETE FROM t WHERE (a,b) IN (", "(1,2))"), "(1,f()),"),
    (("DELETE FROM t WHERE (a) IN (", "(1))"), "(-1),"),
    (("DELETE FROM t WHERE (a) IN (", "(1))"), "f(),"),
    (("DELETE ", "a FROM t WHERE k=1"), "a[1],"),
    (("DELETE ", "a FROM t WHERE k=1"), "f(a),"),
    (("DELETE FROM t USING ", "TTL 1 WHERE k=1"), "TTL 1 AND "),
    (SELECT, "f(),"),
    (SELECT, "f(a),"),
    (SELECT, "k.f(a),"),
    (SELECT, "a as b,"),
    (SELECT, "cast(a as b),"),
    (SELECT, "a+b,"),
    (SELECT, "1,"),
    (SELECT, "f("),
    (SELECT, "("),
    (SELECT, "CASE WHEN a=1 THEN b END,"),
    (("SELECT a FROM t WHERE ", "!"), "k=1 and "),
    (("SELECT a FROM t WHERE ", "k=1"), "(k=1)and "),
    (("CREATE INDEX i", ""), " ("),
    (("CREATE MATERIALIZED VIEW v AS SELECT ", "a FROM t"), "f(),"),
    (("COMMENT ON COLUMN a", " IS 'x'"), ".a"),
    (("", ""), "-"),
    (("", ""), "/*"),
    (("", "'"), "'"),
    (("", "$"), "$"),
    (("", ""), '"" '),
    (("", ""), "a "),
    (("", ""), "1"),
    (("", ""), "abcdef01-"),
    (("SELECT ", ""), "\u4e16"),
    (("SELECT ", ""), "\u00b5"),
    (("SELECT ", ""), "&"),
    (("SELECT ", ""), "_"),
    (("SELECT ", ""), "$ "),
    (INSERT, "\u0663"),
]
"""What nobody writes: an analysis or UNKNOWN."""


def text_of(frame: tuple[str, str], repeated: str) -> str:
    """A megabyte of it."""
    beginning, end = frame
    if "{0" in repeated:
        parts = [beginning]
        length = len(beginning)
        while length < MEGABYTE - len(end):
            parts.append(repeated.format(len(parts)))
            length += len(parts[-1])
        return "".join(parts) + end
    repeated = repeated.replace("{{", "{").replace("}}", "}")
    return beginning + repeated * ((MEGABYTE - len(beginning)) // len(repeated)) + end
