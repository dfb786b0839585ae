"""The spellings of the write modes, as design documents and earlier tools write them."""

from __future__ import annotations

import pytest

from cqlproxy.modes import Mode, parse_mode


@pytest.mark.parametrize(
    ("mode", "spellings"),
    [
        (Mode.PRIMARY_ONLY, ["primary_only", "PrimaryOnly", "SourceOnly"]),
        (Mode.DUAL_WRITE_ASYNC, ["dual_write_async", "DualWriteAsync", "DualAsync"]),
        (Mode.DUAL_WRITE_SYNC, ["dual_write_sync", "DualWriteSync", "DualSync"]),
        (Mode.SHADOW_PRIMARY, ["shadow_primary", "ShadowPrimary"]),
        (Mode.TARGET_ONLY, ["target_only", "TargetOnly"]),
    ],
)
def test_each_spelling_names_its_mode(mode: Mode, spellings: list[str]) -> None:
    assert [parse_mode(spelling) for spelling in spellings] == [mode] * len(spellings)
    assert mode.value == spellings[0]


@pytest.mark.parametrize("text", ["", "primary", "PRIMARY_ONLY", "dualasync", " primary_only", "off"])
def test_any_other_text_is_refused_with_what_is_available(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a mode.*" + ", ".join(Mode)):
        parse_mode(text)


def test_a_near_miss_is_recognised() -> None:
    with pytest.raises(ValueError, match="did you mean dual_write_async"):
        parse_mode("dual-write-async")


def test_only_primary_only_does_without_the_shadow() -> None:
    assert [mode for mode in Mode if not mode.uses_shadow] == [Mode.PRIMARY_ONLY]
