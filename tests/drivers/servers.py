"""What all clients share: a primary, a shadow, a cluster that asks for a password, and proxies between."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Proxies:
    """Where a program connects: without a password, with one, and by TLS."""

    plain: ProxyProcess
    auth: ProxyProcess
    tls: ProxyProcess

    @property
    def server(self) -> Server:
        """As a program is told of them."""
        return Server(self.plain.address, self.auth.address, self.tls.address)

    def settle(self) -> list[Letter]:
        """Wait until nothing waits to be copied; the dead letters.

        A program writes through the TLS proxy into a table that it has made through another. After an
        outage each proxy delivers what it has kept, so such a write may come first and be refused. It is
        replayed, as an operator would do.
        """
        all_of_them = (self.plain, self.auth, self.tls)
        for proxy in all_of_them:
            wait_settled(proxy)
        if letters_of(self.tls):
            replay_rejected(self.tls)
            wait_settled(self.tls)
        return [letter for proxy in all_of_them for letter in letters_of(proxy)]

    def stop(self) -> None:
        """End those that are this program's own."""
        self.plain.stop()
        self.auth.stop()


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
        """All nodes, and the proxy for TLS."""
        with start_together(self.primary, self.shadow, self.guarded):
            run(self.guarded, *_ROLES)
            address = loopback_address()
            pair = self._authority.issue("proxy", address)
            tls = {"tls": {"cert_file": str(pair.cert), "key_file": str(pair.key)}}
            self._tls = self._launched("tls", address=address, primary=self._before_guarded, listen=tls)
            try:
                self._tls.wait_ready()
                yield
            finally:
                for proxy in self._proxies:
                    proxy.stop()

    @property
    def direct(self) -> Server:
        """The nodes themselves."""
        return Server(self.primary.address, self.guarded.address, self.guarded.address)

    def proxies(self, name: str) -> Proxies:
        """Proxies of default settings for one program, running.

        The one that asks for a password is its own, too: who fails to log in waits longer each time, by the
        client's address, and all programs have the same.
        """
        plain = self._launched(name)
        auth = self._launched(f"{name}-auth", primary=self._before_guarded)
        for proxy in (plain, auth):
            proxy.wait_ready()
        return Proxies(plain, auth, self._tls)

    def addresses(self) -> list[str]:
        """Where clients may come to: the nodes that answer, and all proxies."""
        nodes = [self.primary.address, self.guarded.address]
        return nodes + [proxy.address for proxy in self._proxies]

    def log_tail(self, lines: int = 20) -> str:
        """The ends of all logs."""
        processes: list[CassandraNode | ProxyProcess] = [self.primary, self.shadow, self.guarded]
        processes += self._proxies
        return "\n".join(f"--- {each.name}\n{each.log_tail(lines)}" for each in processes)

    @property
    def _before_guarded(self) -> dict[str, object]:
        tls = {"ca_file": str(self._authority.file)}
        return {"contact_points": [self.guarded.address], **_SERVICE, "tls": tls}

    def _launched(self, name: str, *, address: str | None = None, **changes: object) -> ProxyProcess:
        settings = proxy_settings(address or loopback_address(), self.primary, self.shadow, **changes)
        proxy = ProxyProcess(settings, self.root, name=f"proxy-{name}")
        proxy.launch()
        self._proxies.append(proxy)
        return proxy
