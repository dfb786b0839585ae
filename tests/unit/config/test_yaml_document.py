"""Files that are no mapping, or one that YAML's reader would take more lightly than it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqlproxy.yaml_document import DocumentError, read_document


def problems(path: Path) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    return caught.value.problems


def test_a_mapping_is_returned_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffa: [1, {b: \u00e9}]\nc: &x {d: 1}\ne: *x\n".encode())
    document = read_document(path)
    assert document.content == {"a": [1, {"b": "\u00e9"}], "c": {"d": 1}, "e": {"d": 1}}


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert read_document(path) == ({}, {})


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: [2\nc: 3", ["line 3, column 2: not valid YAML: while parsing a flow sequence,"
                               " expected ',' or ']', but got ':'"]),
        ("\ta: 1", ["line 1, column 1: not valid YAML: while scanning for the next token,"
                    " found character '\\t' that cannot start any token"]),
        ("a: 1\n---\nb: 2", ["line 2, column 1: not valid YAML: expected a single document in the stream,"
                             " but found another document"]),
        ("a: !!python/name:os.system x", ["line 1, column 4: not valid YAML: could not determine"
                                          " a constructor for the tag"
                                          " 'tag:yaml.org,2002:python/name:os.system'"]),
        ("a: 2024-99-99", ["the file is not valid YAML: month must be in 1..12"]),
        ("[" * 20_000, ["the file is nested too deeply"]),
        ("just text", ["the file must be a mapping of keys, such as `mode: primary_only`"]),
        ("- a", ["the file must be a mapping of keys, such as `mode: primary_only`"]),
        ("a: 1\nb: 2\na: 3", ["a: is given twice, on lines 1 and 3"]),
        ("a:\n  b: 1\n  c: 2\n  b: 3\nd: 1\nd: 2", ["d: is given twice, on lines 5 and 6",
                                                    "a.b: is given twice, on lines 2 and 4"]),
        ("a: [{b: 1, b: 2}]", ["a[0].b: is given twice, on lines 1 and 1"]),
        ("a: {1: 2}", ["a: line 1: a key must be plain text"]),
        ('"a\\nb": 2', ["line 1: a key must be plain text"]),
        ("? [a]\n: 2", ["line 1: a key must be plain text"]),
    ],
)  # fmt: skip
def test_bad_file(tmp_path: Path, text: str, lines: list[str]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert problems(path) == lines


def test_an_unquoted_ipv6_address_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: [::1]")
    (line,) = problems(path)
    assert line.startswith("line 1, column 5: not valid YAML: ")
    assert line.endswith('(an IPv6 address needs quotes, such as "::1")')


def test_a_document_that_contains_itself_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &x {b: *x}")
    document = read_document(path)
    inner = document.content["a"]
    assert isinstance(inner, dict)
    assert inner["b"] is inner


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == ["there is no such file"]
    assert problems(tmp_path) == ["the file cannot be read: Is a directory"]
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    assert problems(tmp_path / "latin.yaml") == ["the file is not UTF-8 text: line 2"]
    (tmp_path / "control.yaml").write_bytes(b"a: \x01")
    assert problems(tmp_path / "control.yaml")[0].startswith(
        "the file is not valid YAML: unacceptable character"
    )
    (tmp_path / "long.yaml").write_bytes(b"#" * (2**20 + 1))
    assert problems(tmp_path / "long.yaml") == ["the file is longer than 1048576 bytes"]
