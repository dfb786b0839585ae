"""Sizes and hosts, as they may be written in the configuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.config.values import parse_host, parse_size, shown


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1B", 1),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("10MB", 10_000_000),
        ("64MiB", 67_108_864),
        ("64 MiB", 67_108_864),
        ("64mib", 67_108_864),
        (" 2GB ", 2_000_000_000),
        ("1GiB", 1_073_741_824),
        ("1.5GiB", 1_610_612_736),
        ("0.000001MB", 1),
    ],
)
def test_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MiB", "-1", "64M", "64 Mi B", "1e6", "1,5MB", "1_000", "1.MB", "0x10", "1TiB", "\u0661"]
)
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    "text",
    [
        *("127.0.0.1", "0.0.0.0", "::1", "2001:db8::1", "fe80::1%eth0", "localhost"),
        *(
            "db-1.example.com",
            "db-1.example.com.",
            "cassandra_0.cassandra.svc",
            "3com.example",
            "xn--bcher-kva.example",
        ),
    ],
)
def test_host(text: str) -> None:
    assert parse_host(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a b",
            "-a.example",
            "a-.example",
            "a..b",
            ".a",
            "10.0.0.300",
            "10.0.0",
            "1:2:3",
            "b\u00fccher.example",
        ),
        *("http://a", "a/b", "a" * 64, "a." * 130 + "a", "a\n"),
    ],
)
def test_what_is_not_a_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        parse_host(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("db1:9042", "in the key `port`"),
        ("127.0.0.1:9042", "in the key `port`"),
        ("[::1]", "without brackets"),
    ],
)
def test_a_host_with_a_port_or_brackets_is_told_what_to_do(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_host(text)


@given(st.text())
def test_any_text_is_a_size_and_a_host_or_refused_in_one_line(text: str) -> None:
    for parse in (parse_size, parse_host):
        refusal = "none"
        try:
            parse(text)
        except ValueError as error:
            refusal = str(error)
        assert len(refusal.splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "empty"), (True, "true"), ({}, "a mapping"), ([1], "a list"), ("x" * 99, "'" + "x" * 56 + "...")],
)
def test_values_are_quoted_briefly(value: object, text: str) -> None:
    assert shown(value) == text
