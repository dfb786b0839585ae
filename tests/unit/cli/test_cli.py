"""The command line: exit codes, one line for each problem, and nothing started when there is one."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cqlproxy import __version__
from cqlproxy.cli import main
from cqlproxy.modes import Mode
from cqlproxy.state_file import StateFile

ROOT = Path(__file__).parents[3]

GOOD = """
listen: {host: 127.0.0.1, port: 9042, advertised_address: 192.0.2.1}
primary: {contact_points: [db1, "2001:db8::1"], local_datacenter: dc1}
shadow: {contact_points: [db2], port: 9043}
mode: DualAsync
mirror: {max_bytes: 10MB}
"""

# Port 1 of this machine: nothing listens there.
UNREACHABLE = """
primary: {contact_points: [127.0.0.1], port: 1}
mode: primary_only
connect_timeout: 0.5
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def write(folder: Path, text: str, rules: str | None = None) -> Path:
    path = folder / "proxy.yaml"
    if rules is not None:
        text += "filters: {rules_file: rules.yaml}\n"
        (folder / "rules.yaml").write_text(rules)
    path.write_text(text)
    return path


# Configurations that must be refused, with what the line on stderr says after the name of the file.
BAD = [
    ("wrong key", GOOD + "lisen: {}\n", ":7: lisen: is not a known key, did you mean listen? "),
    ("wrong type", GOOD + "admin: {port: http}\n", ":7: admin.port: must be a whole number from 1 to 65535"),
    ("missing host", "mode: SourceOnly\nprimary: {port: 1}\n", ":2: primary.contact_points: is required ("),
    ("no host", "mode: SourceOnly\nprimary: {contact_points: []}\n", ":2: primary.contact_points: must name"),
    ("no such mode", GOOD.replace("DualAsync", "sync"), ":5: mode: 'sync' is not a mode"),
    ("not YAML", "mode: [a\n", ": line 2, column 1: not valid YAML: "),
    ("key given twice", GOOD + "mode: SourceOnly\n", ": mode: is given twice, on lines 5 and 7"),
]  # fmt: skip
COMMANDS = ["serve", "check-config"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("text", "line"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_configuration_is_one_line_and_exit_2(
    tmp_path: Path, command: str, text: str, line: str
) -> None:
    path = write(tmp_path, text)
    result = run(command, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    (shown,) = result.stderr.splitlines()
    assert shown.startswith(f"{path}{line}")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_problem_has_a_line_of_its_own(tmp_path: Path, command: str) -> None:
    path = write(tmp_path, "mode: nil\nprimary: {contact_points: [a], prt: 1}\nlog: loud\n")
    result = run(command, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    keys = [":".join(line.removeprefix(f"{path}:").split(":")[:2]) for line in result.stderr.splitlines()]
    assert sorted(keys) == ["1: mode", "2: primary.prt", "3: log"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_not_there(tmp_path: Path, command: str) -> None:
    result = run(command, "-c", tmp_path / "none.yaml")
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}/none.yaml: there is no such file\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_must_be_named(command: str) -> None:
    result = run(command)
    assert result.exit_code == 2
    missing = {"serve": "option '-c'", "check-config": "argument 'FILE'"}
    assert f"Missing {missing[command]}" in result.stderr


def test_a_file_is_named_once(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    result = run("check-config", path, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "FILE is given twice" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_rules_that_are_not_there_are_exit_2(tmp_path: Path, command: str) -> None:
    path = write(tmp_path, GOOD + "filters: {rules_file: gone.yaml}\n")
    result = run(command, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert str(tmp_path / "gone.yaml") in line


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_rules_are_exit_2(tmp_path: Path, command: str) -> None:
    path = write(tmp_path, GOOD, rules="filters: {table_blaklist: [ks.t]}\n")
    result = run(command, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert "rules.yaml" in line
    assert "table_blaklist" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_configuration_starts_nothing(tmp_path: Path, command: str) -> None:
    """A real process: the event loop, the proxy and the driver are not even loaded."""
    path = write(tmp_path, GOOD + "lisen: {}\n")
    program = (
        "import sys\n"
        "from cqlproxy.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print([name for name in ('uvloop', 'cassandra', 'cqlproxy.proxy') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, "-c", str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert [line.startswith(f"{path}:7: lisen: ") for line in done.stderr.splitlines()] == [True]


def serve(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cqlproxy", "serve", "-c", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_port_in_use_is_said_plainly_and_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve(write(tmp_path, f"{UNREACHABLE}admin: {{port: {port}}}\n"))
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cqlproxy: ")
    assert str(port) in last
    assert "Address already in use" in last
    assert "Traceback" not in done.stderr


def test_a_primary_that_cannot_be_reached_is_said_plainly_and_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = serve(write(tmp_path, f"{UNREACHABLE}admin: {{port: {port}}}\n"))
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cqlproxy: ")
    assert "connect_timeout (0.5 s)" in last
    assert "Traceback" not in done.stderr


def test_check_config_prints_what_was_understood(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, rules="filters: {table_blacklist: ['*.migrations']}\n")
    result = run("check-config", "--config", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{path} is valid.",
        "  mode      dual_write_async",
        f"            until it is switched; then that of {tmp_path}/cqlproxy-state.json",
        "  listen    127.0.0.1:9042, advertised as 192.0.2.1",
        "            frames up to 256 MiB",
        "  primary   db1:9042, [2001:db8::1]:9042, datacenter dc1",
        "            60 s to connect at start, 12000 ms per request",
        "  shadow    db2:9043, datacenter of the first that answers",
        "  mirror    up to 50000 copies and 10000000 bytes wait",
        "            what is beyond is spilled into the journal",
        "            2000 ms per attempt to deliver one, with consistency of the client's request",
        "            write times are pinned",
        "            schema changes are copied",
        f"  journal   {tmp_path}/cqlproxy-journal.db, for what memory cannot hold or deliver",
        "            up to 10 GiB, then the oldest are dropped",
        "            read back with at most 20000 copies a second",
        "  compared  off",
        f"  filters   rules in {tmp_path}/rules.yaml",
        "  admin     http://127.0.0.1:8080",
        "  log       info, text",
    ]


def test_check_config_without_a_shadow(tmp_path: Path) -> None:
    path = write(tmp_path, "primary: {contact_points: [db1]}\nmode: SourceOnly\n")
    result = run("check-config", "-c", path)
    assert result.exit_code == 0
    assert "  shadow    none\n" in result.stdout
    assert "  filters   none: nothing is held back\n" in result.stdout
    assert "advertised as the address that each client connected to\n" in result.stdout


# What is set, and the lines that tell of it.
IN_WORDS = [
    ("mirror: {journal: off, overflow: spill}",
     ["            what is beyond is dropped",
      "  journal   off: copies that cannot be delivered are lost"]),
    ("mirror: {overflow: drop, consistency: LOCAL_ONE}",
     ["            what is beyond is dropped",
      "            2000 ms per attempt to deliver one, with consistency LOCAL_ONE"]),
    ("mirror: {overflow: block, journal: always, journal_path: /j, journal_full: block}",
     ["            what is beyond is waited for: clients feel it",
      "  journal   /j, for every copy",
      "            up to 10 GiB, then clients wait"]),
    ("validation_percentage: 2.5", ["  compared  2.5 % of reads, again after 1000 ms"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), IN_WORDS, ids=[case[0] for case in IN_WORDS])
def test_check_config_tells_what_becomes_of_copies(tmp_path: Path, text: str, lines: list[str]) -> None:
    result = run("check-config", "-c", write(tmp_path, GOOD.replace("mirror: {max_bytes: 10MB}", text)))
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line in lines] == lines


def test_check_config_says_what_is_doubtful(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("db1", "127.0.0.1"))
    result = run("check-config", "-c", path)
    assert result.exit_code == 0
    assert result.stderr == (
        f"{path}: warning: primary: 127.0.0.1:9042 is also where the proxy listens:"
        " it would be its own client\n"
    )


def test_check_config_says_that_the_mode_was_switched(tmp_path: Path) -> None:
    path, state = write(tmp_path, GOOD), tmp_path / "cqlproxy-state.json"
    file = StateFile.open(state, Mode.PRIMARY_ONLY, shadow=True, now=datetime(2026, 3, 4, tzinfo=UTC))
    assert run("check-config", "-c", path).stderr == ""
    file.switch(Mode.TARGET_ONLY, by="ann@ops1", now=datetime(2026, 3, 5, tzinfo=UTC))
    file.close()
    before = state.read_bytes()
    result = run("check-config", "-c", path)
    assert (result.exit_code, state.read_bytes()) == (0, before)
    assert result.stderr.startswith(
        f"{path}: warning: mode: mode target_only of the state file {state}, set by ann@ops1"
        " at 2026-03-05 00:00:00+00:00, is used; "
    )
    state.write_text("{}")
    result = run("check-config", "-c", path)
    assert (result.exit_code, state.read_text()) == (0, "{}")
    assert result.stderr == (
        f"{path}: warning: state_file: the state file {state} cannot be understood:"
        " it does not say its version\n"
    )


def test_the_samples_are_valid() -> None:
    assert run("check-config", "-c", ROOT / "config" / "proxy.yaml").exit_code == 0


def test_version_and_help_of_the_module() -> None:
    command = [sys.executable, "-m", "cqlproxy"]
    for option, expected in (
        ("--version", f"cqlproxy, version {__version__}\n"),
        ("--help", "Usage: cqlproxy "),
    ):
        done = subprocess.run(
            [*command, option], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.startswith(expected)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(command: str) -> None:
    option = {"serve": "-c ", "check-config": ""}[command]
    assert f"cqlproxy {command} {option}proxy.yaml" in run(command, "--help").stdout


def test_the_version_is_the_project_s() -> None:
    assert f'\nversion = "{__version__}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_check_config_tells_of_accounts_and_no_secret(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "primary: {contact_points: [db1], username: keeper, password: hush-1}\n"
        "shadow: {contact_points: [db2], username: copyist, password: hush-2, auth: client}\n"
        "mode: dual_write_async\n",
    )
    result = run("check-config", "-c", path)
    assert result.exit_code == 0
    assert "  primary   db1:9042, datacenter of the first that answers, as keeper\n" in result.stdout
    assert "  shadow    db2:9042, datacenter of the first that answers, as copyist\n" in result.stdout
    assert "where it answers, clients' requests run with their own credentials\n" in result.stdout
    assert "hush" not in result.output
