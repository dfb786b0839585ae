"""What holds of every command that asks a running proxy: where it looks for one, and what help it gives."""

from __future__ import annotations

import socket
import threading

import pytest
from click.testing import CliRunner, Result

from cqlproxy.cli import main

# A command line for each of them.
COMMANDS = [
    ["filters", "show"],
    ["filters", "reload"],
    ["filters", "test", "SELECT * FROM ks.t"],
    ["mode", "get"],
    ["mode", "set", "TargetOnly"],
    ["status"],
    ["mirror", "show"],
    ["mirror", "pause"],
    ["mirror", "resume"],
    ["mirror", "drain"],
    ["dead-letters", "list"],
    ["dead-letters", "show", "1"],
    ["dead-letters", "export"],
    ["dead-letters", "replay", "--all"],
    ["dead-letters", "purge", "--all", "--yes"],
]
NAMES = [" ".join(command[:2]) for command in COMMANDS]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_a_proxy_that_cannot_be_reached_is_exit_1_with_the_address(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = run(*command, "--url", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"cqlproxy: no proxy can be reached at {url}: Connection refused (")
    assert "--url or CQLPROXY_URL" in result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_what_is_no_proxy_is_exit_1_with_the_address(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
            connection.shutdown(socket.SHUT_WR)
            # Closed with unread bytes, it would be reset, and the answer with it.
            while connection.recv(4096):
                pass
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        result = run(*command, "--url", url)
        thread.join()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"cqlproxy: what answers at {url} is no cqlproxy (HTTP status 200)")


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://host", "http://", "http://h:port", "http://h?x"]
)
@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_a_url_that_is_none_is_exit_2(command: list[str], url: str) -> None:
    result = run(*command, "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--url: " in result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_each_command_shows_an_example(command: list[str]) -> None:
    path = [word for word in command[:2] if not word.startswith("-")]
    for depth in range(len(path) + 1):
        assert f"\n    cqlproxy {' '.join(path)}" in run(*path[:depth], "--help").stdout or not depth
    assert f"\n    cqlproxy {path[0]}" in run("--help").stdout
