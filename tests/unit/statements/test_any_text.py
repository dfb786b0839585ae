"""Any text at all has an analysis, in linear time; what a grammar generates is analysed as generated."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import Kind, Statement, analyse
from tests.unit.statements import megabytes
from tests.unit.statements.corpus import batches, definitions, reads, writes
from tests.unit.statements.corpus.case import Case, case_of

TEXTS = [case.text for case in [*writes.CASES, *reads.CASES, *definitions.CASES]]
TEXTS += [case.whole.text for case in batches.CASES]
WORDS = sorted({word for text in TEXTS for word in text.split()})


@given(st.one_of(st.text(), st.text(alphabet="SELECTinto ()[]{}'\"$?:;,.=-*/+<>!0x1\n")))
def test_any_text(text: str) -> None:
    statement = analyse(text)

    assert statement.span == (0, len(text))
    assert 0 <= statement.markers <= text.count("?") + text.count(":")


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_any_words(text: str) -> None:
    assert analyse(text).kind in Kind


@given(text=st.sampled_from(TEXTS), data=st.data())
def test_any_part_of_a_statement(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    assert analyse(text[start:end]).kind in Kind
    assert analyse(text[:start] + text[end:]).kind in Kind


LONGEST_SECONDS = 0.2
REFERENCE = re.compile(r"\s*+(\w++|[^\w\s])")
REFERENCE_SECONDS = 0.022
"""What ``_slowness`` measures takes on the two-core machine of the figures in the README when it is idle."""


@pytest.mark.parametrize(
    ("frame", "repeated", "kind"),
    megabytes.WRITTEN,
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_megabyte_of_what_people_write_takes_little_time(
    frame: tuple[str, str], repeated: str, kind: Kind
) -> None:
    assert _analysed_in_time(megabytes.text_of(frame, repeated)).kind is kind


@pytest.mark.parametrize(
    ("frame", "repeated"), megabytes.DENSE, ids=lambda value: value if isinstance(value, str) else value[0]
)
def test_a_megabyte_of_anything_takes_little_time(frame: tuple[str, str], repeated: str) -> None:
    text = megabytes.text_of(frame, repeated)

    assert _analysed_in_time(text).span == (0, len(text))


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("[", "]"), ("({", "})"), ("f(", ")"), ("{1:", "}"), ("(a)[", "]")]
)
@pytest.mark.parametrize(
    "frame", ["UPDATE t SET c = {} WHERE k = 1", "SELECT {} FROM t", "DELETE FROM t WHERE {}"]
)
def test_a_megabyte_of_brackets_takes_little_time(frame: str, opening: str, closing: str) -> None:
    deep = megabytes.MEGABYTE // len(opening + closing)

    _analysed_in_time(frame.replace("{}", opening * deep + "1" + closing * deep))


@pytest.mark.parametrize("value", ["1", "-1", "f()", "[]", "1+1", "now()", "?", ".1"])
def test_a_megabyte_of_columns_takes_little_time(value: str) -> None:
    count = megabytes.MEGABYTE // (3 + len(value))

    _analysed_in_time(f"INSERT INTO t (a{',a' * count}) VALUES ({value}{',' + value * count})")
    _analysed_in_time(f"DELETE FROM t WHERE (a{',a' * count}) = ({value}{(',' + value) * count})")
    _analysed_in_time(f"DELETE FROM t WHERE (a{',a' * count}) IN (({value}{(',' + value) * count}))")


def _analysed_in_time(text: str) -> Statement:
    # The best of a few, by what the machine does at the moment: other programs take its caches.
    taken = []
    for _ in range(5):
        began = time.process_time()
        statement = analyse(text)
        taken.append(time.process_time() - began)
        if taken[-1] < LONGEST_SECONDS or taken[-1] < LONGEST_SECONDS * _slowness():
            return statement
    raise AssertionError(f"{min(taken):.3f} s")


def _slowness() -> float:
    """How much more time the same work takes now than when the machine has nothing else to do."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        assert sum(word == "," for word in REFERENCE.findall("ab1," * 100_000)) == 100_000
        taken.append(time.process_time() - began)
    return max(1.0, min(taken) / REFERENCE_SECONDS)


def test_short_texts_may_hold_anything() -> None:
    for frame, repeated in megabytes.DENSE:
        if frame in (megabytes.SET, megabytes.WHERE, megabytes.CONDITION) and repeated not in ("(", "k in("):
            text = frame[0] + repeated.replace("{{", "{").replace("}}", "}") * 1000 + frame[1]
            assert analyse(text).kind is Kind.MUTATION


def test_more_markers_than_a_request_can_have_values() -> None:
    def delete(markers: int) -> str:
        return "DELETE FROM t WHERE k IN (" + ",".join("?" * markers) + ")"

    assert analyse(delete(0xFFFF)).markers == 0xFFFF
    assert analyse(delete(0x10000)).kind is Kind.UNKNOWN
    assert analyse(delete(0x10000).replace("?", ":a")).kind is Kind.UNKNOWN


# --- a grammar --------------------------------------------------------------------------------


@dataclass
class Written:
    """A piece of a statement: its tokens, and what it is to be in the notation of the corpus."""

    tokens: list[str]
    shown: str


RESERVED = {
    "select",
    "from",
    "where",
    "and",
    "set",
    "if",
    "in",
    "using",
    "into",
    "update",
    "insert",
    "delete",
}
RESERVED |= {
    "apply",
    "batch",
    "begin",
    "limit",
    "order",
    "by",
    "allow",
    "or",
    "is",
    "not",
    "null",
    "to",
    "on",
    "of",
}
RESERVED |= {"token", "nan", "infinity", "true", "false", "with", "asc", "desc", "add", "use", "view"}
RESERVED |= {
    "schema",
    "table",
    "index",
    "alter",
    "create",
    "drop",
    "grant",
    "full",
    "rename",
    "primary",
    "entries",
}

plain_names = st.from_regex(r"[a-oq-zA-OQ-Z][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in RESERVED
)
quoted_names = st.text(alphabet="aB\"; '.?", min_size=1, max_size=5)
names = st.one_of(
    plain_names.map(lambda name: Written([name], name.lower())),
    quoted_names.map(lambda name: Written(['"' + name.replace('"', '""') + '"'], name)),
    st.sampled_from(["key", "ttl", "json", "timestamp", "values", "distinct", "now"]).map(
        lambda n: Written([n], n)
    ),
)
tables = st.one_of(
    names,
    st.tuples(names, names).map(
        lambda two: Written([*two[0].tokens, ".", *two[1].tokens], f"{two[0].shown}.{two[1].shown}")
    ),
)
# ? and :name stand for the next marker; the test gives them their numbers.
markers = st.one_of(
    st.just(Written(["?"], "?#")), plain_names.map(lambda name: Written([":", name], f":{name.lower()}@#"))
)
strings = st.text(alphabet="ab'\";?-/* ", max_size=8)
literals = st.one_of(
    strings.map(lambda value: Written(["'" + value.replace("'", "''") + "'"], f"string:{value}")),
    st.integers().map(lambda value: Written([*["-"][: value < 0], str(abs(value))], f"integer:{value}")),
    st.uuids().map(lambda value: Written([str(value).upper()], f"uuid:{value}")),
    st.binary(max_size=4).map(lambda value: Written([f"0x{value.hex()}"], f"blob:0x{value.hex()}")),
    st.sampled_from([("true", "boolean"), ("NULL", "null"), ("1.5e3", "float"), ("3h5m", "duration")]).map(
        lambda pair: Written([pair[0]], f"{pair[1]}:{pair[0]}")
    ),
)
terms = st.one_of(literals, markers)
opaque = st.sampled_from(["[1, 'x']", "{1: {2}}", "(1, 2)", "f(1, (2))", "{a: 'b'}", "1 + 2"]).map(
    lambda text: Written([text], "expr()")
)
blanks = st.sampled_from([" ", "\n", "\t ", " /* ; ' */ ", " -- ' ?\n", ' // "\n'])


def write(pieces: list[Written]) -> list[str]:
    return [token for piece in pieces for token in piece.tokens]


@st.composite
def statements(draw: st.DrawFn) -> Case:
    """A mutation, written with blanks and comments of any kind, and its expected analysis."""
    verb = draw(st.sampled_from(["INSERT", "UPDATE", "DELETE"]))
    table = draw(tables)
    tokens: list[str] = []
    shown: list[str] = []
    ttl = timestamp = False
    condition: list[str] = []
    using: list[str] = []
    for parameter in draw(st.lists(st.sampled_from(["TTL", "timestamp"]), unique=True)):
        if parameter == "TTL" and verb == "DELETE":
            continue
        using += ["AND" if using else "USING", parameter, "5"]
        ttl = ttl or parameter == "TTL"
        timestamp = timestamp or parameter == "timestamp"
    columns = draw(st.lists(names, min_size=1, max_size=5, unique_by=lambda name: name.shown))
    if verb == "INSERT":
        values = [draw(st.one_of(terms, opaque)) for _ in columns]
        tokens += ["INSERT", "INTO", *table.tokens, "("]
        tokens += [part for name in columns for part in (*name.tokens, ",")][:-1]
        tokens += [")", "VALUES", "("]
        tokens += [part for value in values for part in (*value.tokens, ",")][:-1]
        tokens.append(")")
        shown += [f"{name.shown} SET {value.shown}" for name, value in zip(columns, values, strict=True)]
        if draw(st.booleans()):
            condition = ["IF", "NOT", "EXISTS"]
        tokens += [*condition, *using]
    else:
        if verb == "UPDATE":
            tokens += ["update", *table.tokens, *using, "SET"]
            for name in columns:
                value = draw(st.one_of(terms, opaque))
                tokens += [*name.tokens, "=", *value.tokens, ","]
                shown.append(f"{name.shown} SET {value.shown}")
            tokens.pop()
        else:
            tokens += ["DELETE", "FROM", *table.tokens, *using]
        tokens.append("WHERE")
        for name in draw(st.lists(names, min_size=1, max_size=3)):
            if draw(st.booleans()):
                value = draw(terms)
                tokens += [*name.tokens, "=", *value.tokens, "AND"]
                shown.append(f"{name.shown} = {value.shown}")
            else:
                several = draw(st.lists(terms, min_size=1, max_size=3))
                inside = [part for value in several for part in (*value.tokens, ",")][:-1]
                tokens += [*name.tokens, "IN", "(", *inside, ")", "AND"]
                shown.append(f"{name.shown} IN " + "|".join(value.shown for value in several))
        tokens.pop()
        if draw(st.booleans()):
            condition = ["IF", "EXISTS"]
            tokens += condition
    gap = draw(blanks)
    bindings = "; ".join(shown)
    count = bindings.count("#")
    for index in range(count):
        bindings = bindings.replace("#", str(index), 1)
    return Case(
        gap.join(tokens),
        Kind.MUTATION,
        table.shown,
        bindings,
        count,
        gap.join(condition),
        timestamp=timestamp,
        ttl=ttl,
    )


@given(statements())
def test_a_generated_statement_is_analysed_as_generated(case: Case) -> None:
    assert case_of(case.text, analyse(case.text)) == case


@given(st.lists(statements(), max_size=5))
def test_a_generated_batch_is_analysed_as_its_statements(cases: list[Case]) -> None:
    text = "BEGIN BATCH " + " ".join(case.text + ";" for case in cases) + " APPLY BATCH"
    batch = analyse(text)

    assert batch.kind is Kind.BATCH
    assert [text[inner.span.start : inner.span.end] for inner in batch.statements] == [
        case.text for case in cases
    ]
    assert [inner.markers for inner in batch.statements] == [case.markers for case in cases]
    before = 0
    for inner, case in zip(batch.statements, cases, strict=True):
        assert inner.first_marker == before
        before += case.markers
        alone = case_of(case.text, analyse(case.text))
        assert case_of(text, inner)._replace(text=case.text, bindings="") == alone._replace(bindings="")
