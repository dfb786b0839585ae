"""`cqlproxy dead-letters`, against a real admin server with a real journal behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cqlproxy.cli import main
from cqlproxy.cluster.side import Side
from cqlproxy.journal import Reason
from tests.unit.admin.asking import Proxy
from tests.unit.admin.letters import letter, letters_kept
from tests.unit.cli.running import Running

LETTERS = [
    letter("shop.orders", Reason.REJECTED),
    letter("shop.carts", Reason.UNKNOWN_OUTCOME, error="a long story, " * 10),
    letter("audit.orders", Reason.ATTEMPTS, Side.PRIMARY, error="\x1b[2Jbeep\a"),
]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    proxy = Proxy()
    server = Running(proxy, lambda: letters_kept(proxy, tmp_path / "journal.db", LETTERS))
    yield server
    server.stop()


def run(running: Running, *arguments: object, typed: str = "") -> Result:
    command = ["dead-letters", *map(str, arguments), "--url", running.url]
    return CliRunner().invoke(main, command, input=typed)


def left(running: Running) -> list[int]:
    lines = run(running, "export").stdout.splitlines()
    return [json.loads(line)["id"] for line in lines]


def test_list_has_a_line_for_each(running: Running) -> None:
    result = run(running, "list")
    assert (result.exit_code, result.stderr) == (0, "")
    story = ("a long story, " * 10)[:77] + "..."
    when = "2023-11-14T22:13:20.250Z"
    assert result.stdout.splitlines() == [
        "ID  TARGET   TABLES        REASON           TRIED  WRITTEN                   ERROR",
        f"1   shadow   shop.orders   rejected         2      {when}  unconfigured table orders",
        f"2   shadow   shop.carts    unknown_outcome  2      {when}  {story}",
        f"3   primary  audit.orders  attempts         2      {when}  ?[2Jbeep?",
        "3 shown of 3.",
    ]
    as_json = json.loads(run(running, "list", "--json").stdout)
    assert [one["error"] for one in as_json["letters"]] == [one.error for one in LETTERS]


# Options, and the ids of what is listed, and the last line.
LISTED = [
    (["--keyspace", "shop"], [1, 2], "2 shown of 3."),
    (["--table", "orders", "--target", "primary"], [3], "1 shown of 3."),
    (["--reason", "unknown_outcome"], [2], "1 shown of 3."),
    (["--limit", "1"], [1], "1 shown of 3. The next ones: --after 1"),
    (["--limit", "1", "--after", "2"], [3], "1 shown of 3."),
    (["--table", "none"], [], "None of the 3 dead letters fits."),
]


@pytest.mark.parametrize(("options", "ids", "last"), LISTED, ids=[" ".join(case[0]) for case in LISTED])
def test_list_shows_what_is_asked_for(
    running: Running, options: list[str], ids: list[int], last: str
) -> None:
    lines = run(running, "list", *options).stdout.splitlines()
    assert [int(line.split()[0]) for line in lines[1:-1]] == ids
    assert lines[-1] == last


def test_show_tells_all_of_one(running: Running) -> None:
    result = run(running, "show", 1)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "id           1",
        "lacks it     shadow",
        "tables       shop.orders",
        "keyspace     shop",
        "reason       rejected",
        "error        unconfigured table orders",
        "attempts     2, the first 2023-11-14T22:13:20.500Z, the last 2023-11-14T22:13:21.500Z",
        "written      2023-11-14T22:13:20.250Z",
        "consistency  LOCAL_QUORUM",
        "statement",
        "  INSERT INTO shop.orders (id, name) VALUES (?, ?)",
        "values",
        "  {",
        '    "id": 7,',
        '    "name": "a\\nb"',
        "  }",
    ]
    assert json.loads(run(running, "show", "1", "--json").stdout)["values"] == {"id": 7, "name": "a\nb"}


def test_show_of_none_is_exit_1(running: Running) -> None:
    result = run(running, "show", 4)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "cqlproxy: the proxy answers with HTTP status 404: there is no dead letter 4\n"


def test_export_writes_a_line_for_each(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    printed = run(running, "export", "--keyspace", "shop")
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout == "".join(
        json.dumps(json.loads(run(running, "show", number, "--json").stdout), separators=(",", ":")) + "\n"
        for number in (1, 2)
    )
    written = run(running, "export", "--keyspace", "shop", "-o", path)
    assert (written.exit_code, written.output, path.read_text()) == (0, "", printed.stdout)


def test_an_export_that_fails_leaves_the_file_as_it_was(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text("before")
    running.proxy.letters = None
    result = run(running, "export", "-o", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "HTTP status 404: no journal is kept, and so no dead letters are: " in result.stderr
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir() if "journal" not in file.name] == ["letters.jsonl"]


@pytest.mark.parametrize(
    ("options", "words", "rest"),
    [
        (["1", "3"], "2 dead letters will be tried again, after all that waits.", [2]),
        (["--table", "carts"], "1 dead letter will be tried again, after all that waits.", [1, 3]),
        (["--all"], "3 dead letters will be tried again, after all that waits.", []),
        (["9"], "0 dead letters will be tried again, after all that waits.", [1, 2, 3]),
    ],
)
def test_replay(running: Running, options: list[str], words: str, rest: list[int]) -> None:
    result = run(running, "replay", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (0, words + "\n", "")
    assert left(running) == rest
    assert running.proxy.replays == 1


@pytest.mark.parametrize(
    ("options", "what", "words", "rest"),
    [
        (["1", "3"], "2 dead letters", "2 dead letters deleted.", [2]),
        (["2"], "dead letter 2", "1 dead letter deleted.", [1, 3]),
        (["--all"], "all dead letters", "3 dead letters deleted.", []),
        (["--keyspace", "shop", "--reason", "rejected"],
         "the dead letters with keyspace shop, reason rejected", "1 dead letter deleted.", [2, 3]),
    ],
)  # fmt: skip
def test_purge_asks_first(
    running: Running, options: list[str], what: str, words: str, rest: list[int]
) -> None:
    question = f"Delete {what} for good? [y/N]: "
    for typed in ("", "n\n"):
        result = run(running, "purge", *options, typed=typed)
        assert (result.exit_code, left(running)) == (1, [1, 2, 3])
        assert question in result.stderr
    result = run(running, "purge", *options, "--yes")
    assert (result.exit_code, result.stdout, result.stderr) == (0, words + "\n", "")
    assert left(running) == rest


def test_a_purge_that_was_confirmed(running: Running) -> None:
    result = run(running, "purge", "1", "--json", typed="y\n")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"purged": 1})
    assert left(running) == [2, 3]


WHICH = "say which dead letters: either IDs, or some of --keyspace, --table, --reason, --target, or --all\n"


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], WHICH),
        (["1", "--all"], WHICH),
        (["1", "--table", "t"], WHICH),
        (["--all", "--table", "t"], WHICH),
        (["--table", " "], "--table: must not be empty\n"),
        (["0"], "0 is not in the range"),
        (["x"], "'x' is not a valid integer"),
    ],
)
def test_what_is_chosen_badly_is_exit_2(
    running: Running, command: str, options: list[str], words: str
) -> None:
    result = run(running, command, *options, typed="y\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert left(running) == [1, 2, 3]


@pytest.mark.parametrize("command", [["list"], ["replay"], ["purge", "--yes"]])
def test_a_reason_that_does_not_exist_is_exit_2(running: Running, command: list[str]) -> None:
    result = run(running, *command, "--reason", "none")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"reason: must be one of {', '.join(Reason)}\n"


@pytest.mark.parametrize(
    "command", [["list"], ["show", "1"], ["export"], ["replay", "--all"], ["purge", "--all", "--yes"]]
)
def test_without_a_journal_is_exit_1(running: Running, command: list[str]) -> None:
    running.proxy.letters = None
    result = run(running, *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no journal is kept, and so no dead letters are: mirror.journal is off" in result.stderr


def test_no_letters_at_all(running: Running) -> None:
    assert run(running, "purge", "--all", "--yes").exit_code == 0
    assert run(running, "list").stdout == "There are no dead letters.\n"
    assert run(running, "export").output == ""
