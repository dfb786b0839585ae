"""What a SELECT says beyond its analysis."""

import pytest

from cqlproxy.statements import ReadClauses, read_clauses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM t", ReadClauses((), "", False, False)),
        (
            "SELECT * FROM ks.t WHERE a = ? AND b > 'x y';",
            ReadClauses((), "a = ? AND b > 'x y'", False, False),
        ),
        ("select * from t where a=1 limit 3", ReadClauses((), "a = 1", True, False)),
        ("SELECT * FROM t WHERE a IN (1, 2) ORDER BY b", ReadClauses((), "a IN ( 1 , 2 )", False, False)),
        ("SELECT * FROM t PER PARTITION LIMIT 2", ReadClauses((), "", True, False)),
        ("SELECT * FROM t WHERE a > 1 PER PARTITION LIMIT 2", ReadClauses((), "a > 1", True, False)),
        ("SELECT a FROM t WHERE a > 1 GROUP BY a", ReadClauses((), "a > 1", False, False)),
        ("SELECT a FROM t WHERE a > 1 ALLOW FILTERING", ReadClauses((), "a > 1", False, False)),
        (
            "SELECT a FROM t WHERE per = 1 AND using = 2",
            ReadClauses((), "per = 1 AND using = 2", False, False),
        ),
        ("SELECT a FROM t WHERE a = 1 BYPASS CACHE", ReadClauses((), "a = 1", False, False)),
        ("SELECT a FROM t WHERE a = 1 USING TIMEOUT 5s", ReadClauses((), "a = 1", False, False)),
        (
            "SELECT ttl(v), system.toTimestamp(now()) FROM t",
            ReadClauses(("ttl", "totimestamp", "now"), "", False, False),
        ),
        (
            "SELECT v FROM t WHERE (a, b) = (1, 2) AND token(a) > maxTimeuuid(currentTimestamp())",
            ReadClauses(
                ("token", "maxtimeuuid", "currenttimestamp"),
                "( a , b ) = ( 1 , 2 ) AND token ( a ) > maxTimeuuid ( currentTimestamp ( ) )",
                False,
                False,
            ),
        ),
        (
            "SELECT 'now()' FROM t WHERE a = 'uuid() limit where'",
            ReadClauses((), "a = 'uuid() limit where'", False, False),
        ),
        ("SELECT a /* now() */ FROM t -- LIMIT 1", ReadClauses((), "", False, False)),
        ("SELECT a FROM t ORDER BY v ANN OF [0.1, 0.2] LIMIT 3", ReadClauses((), "", True, True)),
        ("SELECT ann FROM t WHERE ann = 1", ReadClauses((), "ann = 1", False, False)),
        ('SELECT "Count"(a) FROM t', ReadClauses(("Count",), "", False, False)),
        ("SELECT 'open FROM t", ReadClauses((), "", False, False)),
    ],
)
def test_clauses(text: str, expected: ReadClauses) -> None:
    assert read_clauses(text) == expected
