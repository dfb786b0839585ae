"""Who may connect, and that nobody is counted who is not there."""

from collections import Counter
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.frontend.admission import Admission, Place
from cqlproxy.frontend.limits import Turned
from tests.unit.frontend.limits import WIDE

NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "fe80::/10")))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:11.0.0.1", False),
        ("fe80::1%eth0", True),
        ("::1", False),
    ],
)
def test_only_clients_of_the_networks_that_are_allowed_come_in(host: str, allowed: bool) -> None:
    admission = Admission(WIDE._replace(allowed_networks=NETWORKS))
    assert admission.admit(host) is (None if allowed else Turned.NETWORK)
    assert admission.count == int(allowed)


def test_without_networks_everybody_comes_in() -> None:
    assert Admission(WIDE).admit("203.0.113.1") is None


def test_what_is_beyond_the_limits_is_turned_away_until_somebody_leaves() -> None:
    admission = Admission(WIDE._replace(max_clients=3, max_clients_per_address=2))
    assert [admission.admit("a") for _ in range(3)] == [None, None, Turned.ADDRESS]
    assert [admission.admit("b") for _ in range(2)] == [None, Turned.CLIENTS]
    assert admission.admit("a") is Turned.CLIENTS
    admission.leave("a")
    assert admission.admit("a") is None


def test_a_place_is_left_once() -> None:
    admission = Admission(WIDE)
    assert [admission.admit("a"), admission.admit("a")] == [None, None]
    place = Place(admission, "a")
    place.leave()
    place.leave()
    assert admission.count == 1


HOSTS = st.sampled_from(("a", "b", "c", "d"))


@given(st.lists(st.tuples(st.booleans(), HOSTS)), st.integers(1, 6), st.integers(1, 4))
def test_there_are_never_more_than_the_limits_and_never_fewer_for_those_who_left(
    events: list[tuple[bool, str]], most: int, most_of_address: int
) -> None:
    admission = Admission(WIDE._replace(max_clients=most, max_clients_per_address=most_of_address))
    there: Counter[str] = Counter()
    for comes, host in events:
        if comes:
            fits = there.total() < most and there[host] < most_of_address
            assert (admission.admit(host) is None) == fits
            there[host] += fits
        elif there[host]:
            admission.leave(host)
            there[host] -= 1
        assert admission.count == there.total()
