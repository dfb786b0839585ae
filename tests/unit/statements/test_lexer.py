"""The words of a text, and where they stand in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.statements import fold
from cqlproxy.statements.lexer import BLOCK, UnparsableError, blocks, ends, has_comments, words

UUID = "550e8400-e29b-41d4-a716-446655440000"
OPERATORS = [
    "a",
    "+=",
    "1",
    "b",
    "-=",
    "2",
    "c",
    "<=",
    "d",
    ">=",
    "e",
    "!=",
    "f",
    "<",
    "g",
    ">",
    "h",
    "=",
    "i",
]


def spoken(text: str) -> list[str]:
    return [word for word in words(text) if word]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n", []),
        ("a", ["a"]),
        ("SELECT a_1 FROM T", ["SELECT", "a_1", "FROM", "T"]),
        ("'a''b' ''", ["'a''b'", "''"]),
        ("'a'b", ["'a'", "b"]),
        ('"a""b""" ""', ['"a""b"""', '""']),
        ("$$a'b$c$$d", ["$$a'b$c$$", "d"]),
        ("$$$$", ["$$$$"]),
        ("a -- b\nc", ["a", "c"]),
        ("a // b\rc", ["a", "c"]),
        ("a /* b */ c /***/ d /* * / */", ["a", "c", "d"]),
        ("a--", ["a"]),
        ("'--' \"//\" $$/*$$", ["'--'", '"//"', "$$/*$$"]),
        ("-1 - 1 a-1", ["-", "1", "-", "1", "a", "-", "1"]),
        ("1.5 1. .5 1e5 1.5E-3 1e+2", ["1.5", "1.", ".", "5", "1e5", "1.5E-3", "1e+2"]),
        ("0xCAFE 0X 1h30m 2mo3us", ["0xCAFE", "0X", "1h30m", "2mo3us"]),
        (UUID, [UUID]),
        (f"({UUID.upper()},deadbeef)", ["(", UUID.upper(), ",", "deadbeef", ")"]),
        ("abcdef01-e29b-41d4-a716-446655440000", ["abcdef01-e29b-41d4-a716-446655440000"]),
        ("abcdef01-e29b", ["abcdef01", "-", "e29b"]),
        ("a+=1 b-=2 c<=d>=e!=f<g>h=i", OPERATORS),
        (
            "{'a'::b}[?](:c);*%",
            ["{", "'a'", ":", ":", "b", "}", "[", "?", "]", "(", ":", "c", ")", ";", "*", "%"],
        ),
        ('ks."T"', ["ks", ".", '"T"']),
        ("a\u00e9\u00a0b", ["a", "\u00e9", "\u00a0", "b"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert spoken(text) == expected
    places = all_ends(text, len(expected))
    assert [text[:end].endswith(word) for end, word in zip(places, expected, strict=True)] == [True] * len(
        expected
    )


def all_ends(text: str, count: int) -> list[int]:
    commented = has_comments(text)
    starts = blocks(text, commented)
    places = [ends(text, start, commented) for start in starts]
    assert {len(block) for block in places[:-1]} <= {BLOCK}
    if not commented:
        assert starts == blocks(text, True)
        assert places == [ends(text, start, True) for start in starts]
    found = [end for block in places for end in block]
    assert len(found) >= count
    return found[:count]


@pytest.mark.parametrize(
    "text", ["'", "a 'b", "'a''", '"a', '"a""', "$$a", "$$a$", "/* a", "a /*", "/*/", "'a' 'b"]
)
def test_what_has_no_end(text: str) -> None:
    with pytest.raises(UnparsableError):
        words(text)


@given(st.text(alphabet="ab'\"$/*-\n ;?:1.e"))
def test_nothing_is_lost_but_blanks_and_comments(text: str) -> None:
    try:
        found = spoken(text)
    except UnparsableError:
        return
    places = all_ends(text, len(found))
    before = 0
    for end, word in zip(places, found, strict=True):
        start = end - len(word)
        assert text[start:end] == word
        between = text[before:start]
        assert not between.strip() or between.lstrip().startswith(("--", "//", "/*"))
        before = end


@pytest.mark.parametrize(
    ("name", "folded"), [("Abc", "abc"), ('"Abc"', "Abc"), ('"a""b"', 'a"b'), ("a_1", "a_1")]
)
def test_fold(name: str, folded: str) -> None:
    assert fold(name) == folded


@pytest.mark.parametrize(
    "word", ["", "1", "'a'", "?", "\u00e9", UUID, "abcdef01-e29b-41d4-a716-446655440000"]
)
def test_what_is_no_name(word: str) -> None:
    with pytest.raises(UnparsableError):
        fold(word)
