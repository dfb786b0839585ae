"""A client is read while nothing holds, not too much waits, and the proxy is not stopping."""

import asyncio

import pytest

from cqlproxy.frontend.backlog import Backlog
from cqlproxy.frontend.flow_control import CLIENT_UNSENT_BYTES, WAITING_BYTES, FlowControl
from frame_codec import Frame, Opcode

LONG: Frame = (4, 0, 1, Opcode.QUERY, bytes(WAITING_BYTES))


class Read(asyncio.Transport):
    """Only tells whether it is read; to pause it twice is an error, as uvloop has it."""

    def __init__(self) -> None:
        super().__init__()
        self._read = True
        self.high: int | None = None

    def is_read(self) -> bool:
        return self._read

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def pause_reading(self) -> None:
        assert self._read
        self._read = False

    def resume_reading(self) -> None:
        assert not self._read
        self._read = True


@pytest.fixture
def transport() -> Read:
    return Read()


@pytest.fixture
def backlog() -> Backlog:
    return Backlog()


@pytest.fixture
def flow(transport: Read, backlog: Backlog) -> FlowControl:
    return FlowControl(transport, backlog)


def test_the_transport_tells_when_answers_are_left_unread(flow: FlowControl, transport: Read) -> None:
    assert transport.high == CLIENT_UNSENT_BYTES


def test_it_is_read_again_when_the_last_hold_has_ended(flow: FlowControl, transport: Read) -> None:
    flow.hold()
    flow.hold()
    assert not transport.is_read()
    flow.release()
    flow.update()
    assert not transport.is_read()
    flow.release()
    assert not transport.is_read(), "what waits comes first"
    flow.update()
    assert transport.is_read()
    assert flow.reading


def test_it_is_not_read_while_too_much_waits(flow: FlowControl, transport: Read, backlog: Backlog) -> None:
    backlog.add([LONG], 0.0)
    flow.update()
    assert not transport.is_read()
    backlog.take(1)
    flow.update()
    assert transport.is_read()


def test_who_leaves_is_never_read_again(flow: FlowControl, transport: Read) -> None:
    flow.leave()
    flow.hold()
    flow.release()
    flow.update()
    assert not transport.is_read()


@pytest.mark.parametrize("held", [False, True])
def test_what_is_ended_is_drained_whatever_holds(held: bool, flow: FlowControl, transport: Read) -> None:
    if held:
        flow.hold()
    flow.end()
    flow.drain()
    assert transport.is_read()
    flow.hold()
    flow.leave()
    assert transport.is_read()


def test_what_is_ended_is_not_resumed(flow: FlowControl, transport: Read) -> None:
    flow.hold()
    flow.end()
    flow.release()
    flow.update()
    assert not transport.is_read()
