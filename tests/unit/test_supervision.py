"""Background tasks: none fails in silence, and the process is told of those that it cannot do without."""

from __future__ import annotations

import asyncio
import logging

import pytest

from cqlproxy.supervision import EssentialTaskError, Supervisor, Unhandled


class Told:
    """What an ``Unhandled`` tells."""

    def __init__(self) -> None:
        self.errors = 0
        self.fatal: list[str] = []

    def count(self) -> None:
        self.errors += 1

    def essential_failed(self, error: EssentialTaskError) -> None:
        self.fatal.append(str(error))


async def told_of(work: str, *, essential: bool = False) -> Told:
    """What is told of a task, or of a callback, that does what its name says."""
    told = Told()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(Unhandled(told.count, told.essential_failed))
    supervisor = Supervisor()

    async def fails() -> None:
        raise ValueError("no")

    async def ends() -> None:
        pass

    async def goes_on() -> None:
        await asyncio.Event().wait()

    def callback_fails() -> None:
        raise ValueError("no")

    if work == "callback_fails":
        loop.call_soon(callback_fails)
        await asyncio.sleep(0)
    else:
        coroutines = {"fails": fails, "ends": ends, "goes_on": goes_on}
        task = supervisor.start(coroutines[work](), f"the one that {work}", essential=essential)
        if work != "goes_on":
            await asyncio.wait({task})
    await supervisor.stop()
    await asyncio.sleep(0)
    return told


@pytest.mark.parametrize("essential", [False, True])
@pytest.mark.parametrize("work", ["ends", "goes_on"])
def test_a_task_that_ends_or_is_stopped_is_no_error(work: str, essential: bool) -> None:
    told = asyncio.run(told_of(work, essential=essential))
    assert (told.errors, told.fatal) == (0, [])


def test_a_task_that_fails_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        told = asyncio.run(told_of("fails"))
    assert (told.errors, told.fatal) == (1, [])
    assert "the one that fails" in caplog.text
    assert "ValueError: no" in caplog.text


def test_an_essential_task_that_fails_is_fatal() -> None:
    told = asyncio.run(told_of("fails", essential=True))
    assert told.errors == 1
    assert told.fatal == ["the task 'the one that fails' has failed: ValueError('no')"]


def test_an_error_of_a_callback_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        told = asyncio.run(told_of("callback_fails"))
    assert (told.errors, told.fatal) == (1, [])
    assert "ValueError: no" in caplog.text
