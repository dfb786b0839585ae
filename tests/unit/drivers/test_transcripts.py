"""What counts as a difference between two runs of a client, and what the page makes of them."""

import pytest

from tests.drivers import page
from tests.drivers.clients import CLIENTS, Client
from tests.drivers.dialogue import Line
from tests.drivers.transcripts import differences, disagreements, unmeant

FIRST: Line = {"client": "some driver", "version": "1.2"}


def local(version: str, release: str = "5.0.5") -> Line:
    answer = {"columns": ["native_protocol_version", "release_version"], "rows": [[version, release]]}
    return {"feature": "connect", "step": "local", "answer": answer}


def step(feature: str, name: str, answer: object) -> Line:
    return {"feature": feature, "step": name, "answer": answer}


def test_equal_runs_differ_in_nothing() -> None:
    lines = [FIRST, local("5"), step("ttl", "none", {"rows": [[None]]})]
    assert differences(lines, list(lines)) == []


@pytest.mark.parametrize(
    "other",
    [
        [FIRST, step("ttl", "none", "1")],
        [FIRST, {"feature": "ttl", "step": "none", "error": {"message": "no"}}],
        [FIRST],
        [FIRST, step("ttl", "none", "0"), step("ttl", "another", "0")],
        [{"client": "some driver", "version": "1.3"}, step("ttl", "none", "0")],
    ],
    ids=["answer", "error", "missing", "more", "version"],
)
def test_what_is_not_equal_is_a_difference(other: list[Line]) -> None:
    assert len(unmeant(differences([FIRST, step("ttl", "none", "0")], other))) == 1


def test_a_step_that_is_written_down_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        differences([step("ttl", "none", "0")] * 2, [])


def test_a_meant_difference_is_meant_in_exactly_one_way() -> None:
    assert unmeant(differences([step("connect", "protocol", "5")], [step("connect", "protocol", "4")])) == []
    assert unmeant(differences([step("connect", "protocol", "4")], [step("connect", "protocol", "3")])) != []
    assert unmeant(differences([local("5")], [local("4")])) == []
    assert unmeant(differences([local("5")], [local("4", "4.1.0")])) != []
    assert unmeant(differences([local("5")], [local("3")])) != []


def test_clients_that_read_a_value_otherwise_disagree() -> None:
    def read(*values: object) -> list[Line]:
        return [FIRST, step("types", "bigint", {"read": list(values), "again": ["0"]})]

    unknown = {"kind": "ValueError", "message": "no such value"}
    assert disagreements({"a": read("0", "1"), "b": read("0", "1"), "c": read("0", unknown)}) == []
    (found,) = disagreements({"a": read("0", "1"), "b": read("0", "-1")})
    assert "'bigint', 1" in found
    assert "['b']" in found
    # What is not a value is for the comparison of the two runs of one client.
    errors = {"a": [step("errors", "syntax", "1")], "b": [step("errors", "syntax", "2")]}
    assert disagreements(errors) == []


def made(*proxied: Line) -> str:
    client = Client("some", "Some driver", lambda: ["true"])
    direct = [FIRST, local("5"), step("ttl", "none", "0"), step("ttl", "remaining", True)]
    return page.of({client: (direct, [FIRST, local("4"), *proxied])})


def row(made: str, title: str) -> str:
    return next(line for line in made.splitlines() if line.startswith(f"| {title} |"))


def test_the_page_says_what_was_the_same() -> None:
    text = made(step("ttl", "none", "0"), step("ttl", "remaining", True))
    assert "| | Some driver 1.2 |" in text
    assert "Cassandra 5.0.5 node" in text
    assert row(text, "time to live") == "| time to live | yes |"
    assert row(text, "connect, agree on a protocol version").endswith("| yes |")


def test_the_page_says_what_was_not() -> None:
    assert row(made(step("ttl", "none", "1")), "time to live") == "| time to live | **differs** |"
    assert row(made(), "TLS") == "| TLS | **differs** |"


def test_the_page_explains_each_no() -> None:
    client = Client("some", "Some driver", lambda: ["true"])
    none: Line = {"feature": "vector", "unsupported": "no vectors", "link": "https://example.org/1"}
    some: Line = {"feature": "ttl", "step": "none", "unsupported": "no way", "link": "https://example.org/2"}
    lines = [FIRST, local("4"), none, some, step("ttl", "remaining", True)]
    text = page.of({client: (lines, lines)})
    assert row(text, "vectors") == "| vectors | no (1) |"
    assert row(text, "time to live") == "| time to live | part (2) |"
    assert "1. no vectors ([link](https://example.org/1))" in text
    assert "2. no way ([link](https://example.org/2))" in text


def test_names_of_clients_make_names_of_keyspaces() -> None:
    names = [client.name for client in CLIENTS]
    assert len(set(names)) == len(names)
    # 48 is the most that Cassandra takes: killed_<name>_x_auth.
    assert all(name.isidentifier() and len(name) <= 30 for name in names)
