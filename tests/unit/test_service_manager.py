"""What a service manager is told: the datagrams of sd_notify(3), on a real socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqlproxy.service_manager import ServiceManager


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """``NOTIFY_SOCKET``, and the socket behind it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(5)
        if request.param == "a path":
            address = str(tmp_path / "notify")
            channel.bind(address)
        else:
            address = f"@cqlproxy-test-{os.getpid()}"
            channel.bind("\0" + address[1:])
        yield address, channel


def test_it_is_told_of_the_beginning_and_the_end(manager: tuple[str, socket.socket]) -> None:
    address, channel = manager
    service = ServiceManager({"NOTIFY_SOCKET": address})
    service.ready()
    service.stopping()
    assert [channel.recv(100), channel.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_it_hears_of_a_living_process_twice_as_often_as_it_asks(manager: tuple[str, socket.socket]) -> None:
    address, channel = manager
    service = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000"})
    assert service.watchdog_seconds == 0.02

    async def live() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.keep_alive(), 0.1)

    asyncio.run(live())
    assert [channel.recv(100), channel.recv(100)] == [b"WATCHDOG=1", b"WATCHDOG=1"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "/run/notify"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "often"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_who_does_not_ask_hears_nothing_of_a_living_process(environment: dict[str, str]) -> None:
    service = ServiceManager(environment)
    assert service.watchdog_seconds is None
    asyncio.run(asyncio.wait_for(service.keep_alive(), 1))


def test_the_process_that_is_meant_tells() -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
    assert ServiceManager(environment).watchdog_seconds == 1.5


def test_a_manager_that_has_gone_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert "the service manager cannot be told" in caplog.text
