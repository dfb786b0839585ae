"""Clients as they are, pointed at the proxy: what they see, and what of it arrives at the shadow.

README.md has the script of their work. $CQLPROXY_CLIENTS, a regular expression for names, leaves others out;
$CQLPROXY_TRANSCRIPTS names a folder in which the transcripts are kept.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.environments import CHECKOUT
from tests.drivers import page
from tests.drivers.arrivals import lost
from tests.drivers.clients import CLIENTS, Client
from tests.drivers.runs import Runs
from tests.drivers.servers import Servers
from tests.drivers.transcripts import differences, disagreements, unmeant
from tests.nodes import workspace

KEPT = os.environ.get("CQLPROXY_TRANSCRIPTS")
PAGE = CHECKOUT / "docs" / "drivers.md"
CHOSEN = [client for client in CLIENTS if re.search(os.environ.get("CQLPROXY_CLIENTS", ""), client.name)]

each_client = pytest.mark.parametrize("client", CHOSEN, ids=lambda client: client.name)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with workspace() as root:
        servers = Servers(root)
        with servers.running():
            yield servers


@pytest.fixture(scope="module")
def runs(servers: Servers) -> Runs:
    return Runs(servers, CHOSEN, Path(KEPT) if KEPT else None)


@each_client
def test_it_sees_through_the_proxy_what_it_sees_directly(
    client: Client, runs: Runs, servers: Servers
) -> None:
    direct, proxied = runs.direct(client), runs.proxied(client)
    found = unmeant(differences(direct.transcript, proxied.transcript))
    assert found == [], "\n".join(map(str, found))
    assert servers.shadow.address not in json.dumps(proxied.transcript)
    # Not a comparison of nothing.
    assert len(direct.transcript) > (8 if client.tool else 100)


@each_client
def test_what_it_wrote_is_on_both_clusters(client: Client, runs: Runs, servers: Servers) -> None:
    assert lost(runs.proxied(client), servers) == []


@each_client
def test_it_does_not_see_that_the_shadow_is_killed(client: Client, runs: Runs) -> None:
    found = unmeant(differences(runs.direct(client).transcript, runs.shadow_killed(client).transcript))
    assert found == [], "\n".join(map(str, found))


@each_client
def test_what_it_wrote_meanwhile_arrives_later(client: Client, runs: Runs, servers: Servers) -> None:
    assert lost(runs.shadow_killed(client), servers) == []


def test_all_of_them_read_the_same_values(runs: Runs) -> None:
    """Each in its own language, and written in one notation."""
    assert disagreements({client.name: runs.proxied(client).transcript for client in CHOSEN}) == []


def test_the_page_tells_what_was_seen(runs: Runs) -> None:
    seen = {client: (runs.direct(client).transcript, runs.proxied(client).transcript) for client in CLIENTS}
    assert PAGE.read_text() == page.of(seen), "docs/drivers.md is old: make drivers"
