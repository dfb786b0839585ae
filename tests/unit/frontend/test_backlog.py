"""What waits is counted, with its bytes, whatever becomes of it, and keeps its turn and its time."""

from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.frontend.backlog import FRAME_OVERHEAD_BYTES, Backlog, Waiting
from frame_codec import Frame, Opcode


def frame(stream: int, length: int = 0) -> Frame:
    return (4, 0, stream, Opcode.QUERY, bytes(length))


def test_requests_have_their_turns_in_the_order_in_which_they_came() -> None:
    backlog = Backlog()
    backlog.add([frame(1), frame(2)], 5.0)
    backlog.add([frame(3)], 6.0)
    assert backlog.take(2) == [(5.0, frame(1)), (5.0, frame(2))]
    assert backlog.take(2) == [(6.0, frame(3))]
    assert backlog.take(2) == []


def test_who_is_put_back_comes_first_again_and_has_waited_as_long() -> None:
    backlog = Backlog()
    backlog.add([frame(1), frame(2), frame(3)], 5.0)
    backlog.add([frame(4)], 6.0)
    backlog.put_back(backlog.take(3)[1:])
    assert backlog.take_late(5.0) == [frame(2), frame(3)]
    assert backlog.take(9) == [(6.0, frame(4))]


def test_only_those_are_late_who_wait_since_then_or_longer() -> None:
    backlog = Backlog()
    for second in range(4):
        backlog.add([frame(second)], float(second))
    assert backlog.take_late(1.5) == [frame(0), frame(1)]
    assert backlog.take_late(2.0) == [frame(2)]
    assert backlog.take_late(2.9) == []
    assert backlog.count == 1


@given(st.lists(st.tuples(st.sampled_from(("add", "turn", "late", "clear")), st.integers(0, 5)), max_size=50))
def test_count_and_bytes_are_those_of_the_requests_that_wait(steps: list[tuple[str, int]]) -> None:
    backlog = Backlog()
    expected: list[Waiting] = []
    for number, (step, size) in enumerate(steps):
        now = float(number)
        if step == "add":
            frames = [frame(number, length) for length in range(size)]
            backlog.add(frames, now)
            expected += [(now, each) for each in frames]
        elif step == "turn":
            taken = backlog.take(size)
            assert taken == expected[:size]
            backlog.put_back(taken[len(taken) // 2 :])
            del expected[: len(taken) // 2]
        elif step == "late":
            assert backlog.take_late(now - size) == [each for since, each in expected if since <= now - size]
            expected = [each for each in expected if each[0] > now - size]
        else:
            backlog.clear()
            expected = []
        assert backlog.count == len(expected)
        assert backlog.bytes == sum(len(each[4]) + FRAME_OVERHEAD_BYTES for _, each in expected)
