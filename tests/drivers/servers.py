"""What all clients share: a primary, a shadow, a cluster that asks for a password, and proxies between."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.drivers.dialogue import Server
from tests.integration.dead_letters import Letter, letters_of, replay_rejected, wait_settled
from tests.integration.guarded import GUARDED, run
from tests.nodes import (
    DURABLE,
    CassandraNode,
    ProxyProcess,
    loopback_address,
    proxy_settings,
    start_together,
)
from tests.nodes.certificates import Authority, client_encryption

_USER, _PASSWORD = "ann", "anns-secret"
_OTHER, _OTHER_PASSWORD = "ben", "bens-secret"
_SERVICE = {"username": "keeper", "password": "keepers-secret"}
_ROLES = (
    f"CREATE ROLE {_SERVICE['username']} WITH PASSWORD = '{_SERVICE['password']}'"
    " AND LOGIN = true AND SUPERUSER = true",
    f"CREATE ROLE {_USER} WITH PASSWORD = '{_PASSWORD}' AND LOGIN = true",
    f"GRANT CREATE ON ALL KEYSPACES TO {_USER}",
    f"CREATE ROLE {_OTHER} WITH PASSWORD = '{_OTHER_PASSWORD}' AND LOGIN = true",
)


class Servers:
    """Running nodes; proxies as they are asked for. Everything ends with `running`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        authority = Authority("authority", root / "authority")
        at = loopback_address()
        self.primary = CassandraNode("primary", loopback_address(), root)
        # One that is killed, and must keep what it has acknowledged.
        self.shadow = CassandraNode("shadow", loopback_address(), root, settings=DURABLE)
        encrypted = client_encryption(authority.issue("guarded", at), optional=True)
        self.guarded = CassandraNode("guarded", at, root, settings={**GUARDED, **encrypted})
        self._authority = authority
        self._proxies: list[ProxyProcess] = []
        self.settings = {
            "CQL_USERNAME": _USER,
            "CQL_PASSWORD": _PASSWORD,
            "CQL_OTHER_USERNAME": _OTHER,
            "CQL_OTHER_PASSWORD": _OTHER_PASSWORD,
            "CQL_CA_FILE": str(authority.file),
            "CQL_SCRIPT": str(Path(__file__).with_name("script.json")),
        }
        """Variables that every program gets."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """All nodes, and the proxies before the guarded one."""
        with start_together(self.primary, self.shadow, self.guarded):
            run(self.guarded, *_ROLES)
            address = loopback_address()
            pair = self._authority.issue("proxy", address)
            before = {
                "contact_points": [self.guarded.address],
                **_SERVICE,
                "tls": {"ca_file": str(self._authority.file)},
            }
            self._auth = self._proxy("auth", primary=before)
            self._tls = self._proxy(
                "tls",
                address=address,
                primary=before,
                listen={"tls": {"cert_file": str(pair.cert), "key_file": str(pair.key)}},
            )
            try:
                yield
            finally:
                for proxy in self._proxies:
                    proxy.stop()

    @property
    def direct(self) -> Server:
        """The nodes themselves."""
        return Server(self.primary.address, self.guarded.address, self.guarded.address)

    def proxied(self, proxy: ProxyProcess) -> Server:
        """The same through proxies."""
        return Server(proxy.address, self._auth.address, self._tls.address)

    def proxy(self, name: str) -> ProxyProcess:
        """A new proxy with default settings between primary and shadow, running."""
        return self._proxy(name)

    def addresses(self) -> list[str]:
        """Where clients may come to: the nodes that answer, and all proxies."""
        nodes = [self.primary.address, self.guarded.address]
        return nodes + [proxy.address for proxy in self._proxies]

    def settle(self, proxy: ProxyProcess) -> list[Letter]:
        """Wait until nothing waits to be copied; the dead letters of this proxy and of shared ones.

        A program writes through the TLS proxy into a table that it has made through the other one. After an
        outage each proxy delivers what it has kept, so such a write may come first and be refused. It is
        replayed, as an operator would do.
        """
        letters: list[Letter] = []
        for each in (proxy, self._auth, self._tls):
            wait_settled(each)
        if letters_of(self._tls):
            replay_rejected(self._tls)
            wait_settled(self._tls)
        for each in (proxy, self._auth, self._tls):
            letters += letters_of(each)
        return letters

    def log_tail(self, lines: int = 20) -> str:
        """The ends of all logs."""
        processes: list[CassandraNode | ProxyProcess] = [self.primary, self.shadow, self.guarded]
        processes += self._proxies
        return "\n".join(f"--- {each.name}\n{each.log_tail(lines)}" for each in processes)

    def _proxy(self, name: str, *, address: str | None = None, **changes: object) -> ProxyProcess:
        settings = proxy_settings(address or loopback_address(), self.primary, self.shadow, **changes)
        proxy = ProxyProcess(settings, self.root, name=f"proxy-{name}")
        proxy.start()
        self._proxies.append(proxy)
        return proxy
