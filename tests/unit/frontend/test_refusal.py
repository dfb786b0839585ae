"""Beyond what there is room for, requests are refused, and nothing else is."""

import pytest

from cqlproxy.frontend.limits import Refused
from cqlproxy.frontend.refusal import WHY, as_many_as
from frame_codec import Frame, Opcode


def frame(stream: int, opcode: int = Opcode.EXECUTE, version: int = 4) -> Frame:
    return (version, 0, stream, opcode, b"")


@pytest.mark.parametrize(("room", "kept"), [(-1, 0), (0, 0), (1, 1), (3, 3), (4, 4), (9, 4)])
def test_the_first_are_kept(room: int, kept: int) -> None:
    frames = [
        frame(number, opcode)
        for number, opcode in enumerate((Opcode.QUERY, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH))
    ]
    assert as_many_as(room, frames, 4) == (frames[:kept], frames[kept:])


@pytest.mark.parametrize(
    "other",
    [frame(1, Opcode.OPTIONS), frame(1, Opcode.REGISTER), frame(1, Opcode.STARTUP), frame(-1), frame(1, 0x7F)]
    + [frame(1, version=version) for version in (3, 5)],
)
def test_what_is_no_request_as_any_other_is_kept(other: Frame) -> None:
    frames = [frame(0), other, frame(2)]
    assert as_many_as(0, frames, 4) == ([other], [frames[0], frames[2]])


@pytest.mark.parametrize("why", Refused)
def test_each_reason_is_told(why: Refused) -> None:
    assert why in WHY[why]
