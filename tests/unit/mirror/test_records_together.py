"""Records that are made together are those that are made one by one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.record import record_of, records_of
from filters import Rules
from frame_codec import Opcode
from tests.unit.mirror.scripted import TABLE, statement

STATEMENTS = [statement(b"one"), statement(b"two"), statement(b"three")]


@given(st.lists(st.tuples(st.sampled_from(STATEMENTS), st.binary(max_size=60)), max_size=30))
def test_they_are_those_of_each(copies: list[tuple[PreparedStatement, bytes]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Both clocks stand still: a record says when its copy was written.
        patch.setattr(time, "time", lambda: 1_700_000_000.5)
        patch.setattr(time, "monotonic", lambda: 1000.0)
        mutations = [
            Mutation(Opcode.EXECUTE, body, offered=999.0, tables=(TABLE,), rules=Rules(), prepared=(one,))
            for one, body in copies
        ]
        assert records_of(mutations, STATEMENTS.index) == [
            record_of(mutation, STATEMENTS.index) for mutation in mutations
        ]
