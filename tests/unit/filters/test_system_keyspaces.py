"""What a cluster keeps for itself is never copied, whatever the rules say."""

import pytest

from filters import Governor, Reason, Rules
from filters.governor import SYSTEM_KEYSPACES


@pytest.mark.parametrize("keyspace", sorted(SYSTEM_KEYSPACES))
def test_a_write_to_a_system_keyspace_is_held_back(keyspace: str) -> None:
    verdict = Governor(Rules()).scope(keyspace, "roles", ()).verdict
    assert verdict is not None
    assert (verdict.copy, verdict.reason, verdict.detail) == (False, Reason.SYSTEM, keyspace)


@pytest.mark.parametrize("keyspace", ["systems", "system_of_record", "my_system", None])
def test_a_keyspace_with_a_similar_name_is_the_applications(keyspace: str | None) -> None:
    verdict = Governor(Rules()).scope(keyspace, "roles", ()).verdict
    assert verdict is not None
    assert verdict.copy
