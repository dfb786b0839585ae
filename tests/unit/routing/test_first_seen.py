"""Texts are logged once each, within bounds on memory and on how many at a time."""

from cqlproxy.routing.first_seen import BURST, CAPACITY, PER_SECOND, FirstSeen


def test_a_text_is_first_once() -> None:
    seen = FirstSeen()
    assert [seen.is_first(text, 1.0) for text in (b"a", b"b", b"a", b"b", b"c")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_a_flood_of_new_texts_is_let_through_in_part_and_what_was_not_is_still_new() -> None:
    seen = FirstSeen()
    flood = [b"%d" % number for number in range(BURST + 100)]
    assert [seen.is_first(text, 0.0) for text in flood] == [True] * BURST + [False] * 100
    later = 10 / PER_SECOND
    assert sum(seen.is_first(text, later) for text in flood) == 10


def test_memory_is_bounded_and_what_came_lately_is_kept() -> None:
    seen = FirstSeen()
    assert seen.is_first(b"often", 0.0)
    for number in range(CAPACITY + 10):
        assert seen.is_first(b"%d" % number, float(number + 1))
        assert not seen.is_first(b"often", float(number + 1))
    assert len(seen) == CAPACITY
    assert seen.is_first(b"0", CAPACITY + 100.0)
