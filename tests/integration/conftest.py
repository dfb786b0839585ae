"""Real nodes for the integration tests: one primary and one shadow for the whole run, proxies as tests ask.

When a test fails, its report ends with the last lines of the logs of all that runs.
"""

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol, cast

import pytest

from tests.nodes import (
    DURABLE,
    CassandraNode,
    ProxyProcess,
    loopback_address,
    proxy_settings,
    start_together,
    workspace,
)
from tests.nodes.certificates import Authority, client_encryption

CIRCUIT_OPEN_SECONDS = 3.0
"""How long proxies spare a cluster that failed, unless a test says otherwise: tests wait for its end."""


class Logged(Protocol):
    """Anything with a log that helps to understand a failed test."""

    name: str

    def log_tail(self, lines: int = 40) -> str: ...


class StartProxy(Protocol):
    """Makes a proxy between the primary and the shadow, and starts it.

    `changes` are as for `proxy_settings`, `rules` as for `ProxyProcess`. With ``launch=False`` it is
    only made; ``between`` names other clusters. Each is stopped at the end of the fixture's scope.
    """

    def __call__(
        self,
        *,
        rules: dict[str, object] | None = None,
        launch: bool = True,
        between: tuple[CassandraNode, CassandraNode | None] | None = None,
        **changes: object,
    ) -> ProxyProcess: ...


_nodes_of_session = pytest.StashKey[tuple[CassandraNode, CassandraNode]]()
_logged = pytest.StashKey[list[Logged]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of nodes and proxies to the report of a failed test."""
    report = yield
    if report.failed:
        for process in item.session.stash.get(_logged, []):
            report.sections.append((f"end of the log of {process.name}", process.log_tail()))
    return report


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """Where the session's nodes, proxies and programs keep their files."""
    with workspace() as place:
        yield place


@pytest.fixture(scope="session")
def logged(request: pytest.FixtureRequest) -> list[Logged]:
    """What runs: the report of a failed test ends with the ends of their logs. A fixture may add its own."""
    return request.session.stash.setdefault(_logged, [])


@pytest.fixture(scope="session")
def authority(root: Path) -> Authority:
    """Who issued the certificates of the nodes."""
    return Authority("authority", root / "authority")


@pytest.fixture(scope="session")
def _nodes(
    root: Path, authority: Authority, request: pytest.FixtureRequest
) -> Iterator[tuple[CassandraNode, CassandraNode]]:
    at, shadow_at = loopback_address(), loopback_address()
    # TLS is there for those who want it. The shadow's certificate is for a name that nobody connects to.
    own = client_encryption(authority.issue("primary", at), optional=True)
    of_another = client_encryption(authority.issue("shadow", "elsewhere.example"), optional=True)
    primary = CassandraNode("primary", at, root, settings={**DURABLE, **own})
    shadow = CassandraNode("shadow", shadow_at, root, settings={**DURABLE, **of_another})
    stash = request.session.stash
    stash.setdefault(_logged, []).extend((primary, shadow))
    with start_together(primary, shadow):
        stash[_nodes_of_session] = primary, shadow
        yield primary, shadow
        del stash[_nodes_of_session]


@pytest.fixture(autouse=True)
def _nodes_restored(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test both nodes run, whatever the test did to them."""
    yield
    for node in request.session.stash.get(_nodes_of_session, ()):
        node.restore()


@pytest.fixture(scope="session")
def primary(_nodes: tuple[CassandraNode, CassandraNode]) -> CassandraNode:
    """The cluster that serves; tests share it, so each uses keyspaces of its own."""
    return _nodes[0]


@pytest.fixture(scope="session")
def shadow(_nodes: tuple[CassandraNode, CassandraNode]) -> CassandraNode:
    """The cluster that receives copies; a test may kill or pause it, and it runs again afterwards."""
    return _nodes[1]


@pytest.fixture
def start_proxy(
    root: Path, primary: CassandraNode, shadow: CassandraNode, request: pytest.FixtureRequest
) -> Iterator[StartProxy]:
    """A `StartProxy` whose proxies end with the test."""
    yield from _starting_proxies(root, primary, shadow, request)


@pytest.fixture(scope="module")
def start_module_proxy(
    root: Path, primary: CassandraNode, shadow: CassandraNode, request: pytest.FixtureRequest
) -> Iterator[StartProxy]:
    """A `StartProxy` whose proxies serve all tests of the module: for a fixture that names what it starts."""
    yield from _starting_proxies(root, primary, shadow, request)


def _starting_proxies(
    root: Path, primary: CassandraNode, shadow: CassandraNode, request: pytest.FixtureRequest
) -> Iterator[StartProxy]:
    logged = request.session.stash.setdefault(_logged, [])
    started: list[ProxyProcess] = []

    def start(
        *,
        rules: dict[str, object] | None = None,
        launch: bool = True,
        between: tuple[CassandraNode, CassandraNode | None] | None = None,
        **changes: object,
    ) -> ProxyProcess:
        settings = proxy_settings(
            loopback_address(), *(between or (primary, shadow)), **{"mirror": {}, **changes}
        )
        cast("dict[str, object]", settings["mirror"]).setdefault("circuit_open_seconds", CIRCUIT_OPEN_SECONDS)
        place = Path(tempfile.mkdtemp(prefix="proxy-", dir=root))
        proxy = ProxyProcess(settings, place, rules=rules)
        started.append(proxy)
        logged.append(proxy)
        if launch:
            proxy.start()
        return proxy

    yield start
    for proxy in started:
        proxy.stop()
        logged.remove(proxy)
