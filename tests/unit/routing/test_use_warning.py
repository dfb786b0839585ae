"""The warning of USE that the proxy itself provokes is taken out of a response, and nothing else is."""

from uuid import UUID

import pytest

from cqlproxy.routing.use_warning import without_use_warning
from frame_codec import FrameFlag, ProtocolError, ResponsePrefix

_USE = (
    "`USE <keyspace>` with prepared statements is considered to be an anti-pattern due to ambiguity in"
    " non-qualified table names."
)
_OTHER = "Aggregation query used without partition key"
_MESSAGE = b"\x00\x00\x00\x01"
_TRACED = ResponsePrefix(tracing_id=UUID(int=7), custom_payload={"a": b"b", "n": None})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((_USE,), None),
        ((_USE, _OTHER), (_OTHER,)),
        ((_OTHER, _USE), (_OTHER,)),
        ((_OTHER,), (_OTHER,)),
        ((f"It says: {_USE}",), (f"It says: {_USE}",)),
        ((), ()),
    ],
)
@pytest.mark.parametrize("beside", [ResponsePrefix(), _TRACED], ids=["alone", "traced"])
def test_only_this_warning_is_taken_out(
    before: tuple[str, ...], after: tuple[str, ...] | None, beside: ResponsePrefix
) -> None:
    given = ResponsePrefix(beside.tracing_id, before, beside.custom_payload)
    expected = ResponsePrefix(beside.tracing_id, after, beside.custom_payload)
    result = without_use_warning(int(given.flags), given.encode() + _MESSAGE)
    assert result == (int(expected.flags), expected.encode() + _MESSAGE)


def test_other_flags_stay() -> None:
    flags = int(FrameFlag.WARNING) | 0x40
    assert without_use_warning(flags, ResponsePrefix(warnings=(_USE,)).encode())[0] == 0x40


def test_a_truncated_body_is_a_protocol_error() -> None:
    body = ResponsePrefix(warnings=(_USE,)).encode()[:-1]
    with pytest.raises(ProtocolError):
        without_use_warning(int(FrameFlag.WARNING), body)
