"""Every error code, and what it means for a copy."""

import pytest

from cqlproxy.mirror.verdict import Outcome, outcome_of_error
from frame_codec import ErrorCode

EXPECTED = {
    ErrorCode.SERVER_ERROR: Outcome.UNKNOWN,
    ErrorCode.PROTOCOL_ERROR: Outcome.REFUSED,
    ErrorCode.AUTHENTICATION_ERROR: Outcome.REFUSED,
    ErrorCode.UNAVAILABLE: Outcome.NOT_APPLIED,
    ErrorCode.OVERLOADED: Outcome.NOT_APPLIED,
    ErrorCode.IS_BOOTSTRAPPING: Outcome.NOT_APPLIED,
    ErrorCode.TRUNCATE_ERROR: Outcome.UNKNOWN,
    ErrorCode.WRITE_TIMEOUT: Outcome.UNKNOWN,
    ErrorCode.READ_TIMEOUT: Outcome.REFUSED,
    ErrorCode.READ_FAILURE: Outcome.REFUSED,
    ErrorCode.FUNCTION_FAILURE: Outcome.REFUSED,
    ErrorCode.WRITE_FAILURE: Outcome.UNKNOWN,
    ErrorCode.SYNTAX_ERROR: Outcome.REFUSED,
    ErrorCode.UNAUTHORIZED: Outcome.REFUSED,
    ErrorCode.INVALID: Outcome.REFUSED,
    ErrorCode.CONFIG_ERROR: Outcome.REFUSED,
    ErrorCode.ALREADY_EXISTS: Outcome.REFUSED,
    ErrorCode.UNPREPARED: Outcome.UNPREPARED,
}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_each_code_has_its_outcome(code: ErrorCode) -> None:
    assert outcome_of_error(code, schema=False) is EXPECTED[code]


def test_a_schema_change_that_is_there_already_is_delivered() -> None:
    assert outcome_of_error(ErrorCode.ALREADY_EXISTS, schema=True) is Outcome.DELIVERED


def test_a_code_nobody_knows_is_a_refusal() -> None:
    assert outcome_of_error(0x4321, schema=False) is Outcome.REFUSED
