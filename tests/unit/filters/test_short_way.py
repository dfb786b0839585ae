"""The look-up that spares most requests the whole decision says what the decision says."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from filters import Governor, MarkerSource, Scope, load_rules

HELD, FREE = (number.to_bytes(8, "big") for number in (42, 43))


def scope(tmp_path: Path, columns: list[str], **more: object) -> Scope:
    rules = {"tenant_blacklist": ["42"], "tenant_columns": columns, **more}
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"filters": rules}))
    sources = [MarkerSource(column, marker, "bigint", False) for marker, column in enumerate(columns)]
    return Governor(load_rules(file)).scope("ks", "t", sources)


def bound(value: bytes) -> Callable[[int], bytes]:
    return lambda index: value


@pytest.mark.parametrize("enforce", [True, False])
def test_one_value_that_decides_has_a_short_way(enforce: bool, tmp_path: Path) -> None:
    found = scope(tmp_path, ["tenant"], enforce=enforce)
    assert found.only is not None
    marker, find = found.only
    assert marker == 0
    # What the look-up does not find is copied; about what it finds, the decision is asked.
    assert find(FREE) is None
    assert found.decide(bound(FREE)).copy
    assert find(HELD) is not None
    assert found.decide(bound(HELD)).copy is not enforce


def test_several_values_have_none(tmp_path: Path) -> None:
    assert scope(tmp_path, ["tenant", "owner"]).only is None
