"""TLS on both sides of the proxy, with real nodes and the unchanged driver: who is let in, and who is not.

The shared nodes take TLS from those who want it and ask for no certificate; the shadow's certificate is for
another name. One more node here speaks nothing but TLS, and with known clients only.
"""

from __future__ import annotations

import re
import signal
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from cqlproxy.cli import main
from frame_codec import Opcode, encode_frame
from tests.integration.conftest import StartProxy
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess, loopback_address, proxy_settings
from tests.nodes.certificates import DAY, Authority, Pair, client_encryption

PROGRAMS = Path(__file__).parent / "programs"
TOKEN = "0123456789abcdef0123456789abcdef"
ROWS = {"rows": [[1, 100_000]]}


@pytest.fixture(scope="module")
def stranger(root: Path) -> Authority:
    """An authority that nobody trusts."""
    return Authority("stranger", root / "stranger")


@pytest.fixture(scope="module")
def own(authority: Authority) -> Pair:
    """What the proxy shows to nodes."""
    return authority.issue("proxy-to-nodes")


@pytest.fixture(scope="module")
def strict(root: Path, authority: Authority) -> Iterator[CassandraNode]:
    """A node for TLS with known clients only."""
    address = loopback_address()
    settings = client_encryption(authority.issue("strict", address), authority.file)
    node = CassandraNode("strict", address, root, settings=settings)
    try:
        node.start()
        yield node
    finally:
        node.kill()


def to_strict(node: CassandraNode, authority: Authority, own: Pair) -> dict[str, object]:
    tls = {"ca_file": str(authority.file), "cert_file": str(own.cert), "key_file": str(own.key)}
    return {"contact_points": [node.address], "tls": tls}


@pytest.fixture(scope="module")
def secured(
    start_module_proxy: StartProxy, strict: CassandraNode, authority: Authority, own: Pair
) -> tuple[ProxyProcess, Pair]:
    """A proxy with TLS in every direction, both ways where that is possible; and its certificate."""
    address = loopback_address()
    pair = authority.issue("proxy", address)
    admin_pair = authority.issue("admin", "proxy.example")
    proxy = start_module_proxy(
        listen={
            "host": address,
            "tls": {
                "cert_file": str(pair.cert),
                "key_file": str(pair.key),
                "client_ca_file": str(authority.file),
            },
        },
        primary=to_strict(strict, authority, own),
        shadow={"tls": {"ca_file": str(authority.file), "check_hostname": False}},
        admin={
            "host": address,
            "token": TOKEN,
            "tls": {"cert_file": str(admin_pair.cert), "key_file": str(admin_pair.key)},
        },
    )
    return proxy, pair


def client(proxy: ProxyProcess, authority: Authority, root: Path, pair: Pair | None) -> dict[str, object]:
    """What the driver's program says: its rows, or the error that it met."""
    shown = () if pair is None else (str(pair.cert), str(pair.key))
    program = DriverProgram(
        PROGRAMS / "tls_client.py", proxy.address, proxy.port, str(authority.file), *shown, root=root
    )
    return program.result(60)


def log_of(proxy: ProxyProcess) -> str:
    return proxy.log.read_text()


def logs(proxy: ProxyProcess, text: str, since: int = 0) -> None:
    """The log says so, in what it has said since; within a few seconds."""
    until = time.monotonic() + 5
    while text not in (said := log_of(proxy)[since:]):
        assert time.monotonic() < until, said[-2000:]
        time.sleep(0.02)


# --- clients --------------------------------------------------------------------------------------


def test_mutual_on_both_sides_and_copied_by_tls(
    secured: tuple[ProxyProcess, Pair], authority: Authority, root: Path
) -> None:
    proxy, _ = secured
    assert client(proxy, authority, root, authority.issue("application")) == ROWS
    proxy.wait_copied()
    assert proxy.count("mirrored_writes") >= 1
    assert proxy.count("unhandled_errors") == 0


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("nobody", "it showed no certificate, and client_ca_file asks for one"),
        ("stranger", "its certificate is refused by client_ca_file: unable to get local issuer certificate"),
        ("expired", "its certificate is refused by client_ca_file: certificate has expired"),
        ("distrusting", "it does not trust the certificate of cert_file (TLSV1_ALERT_UNKNOWN_CA)"),
    ],
)
def test_a_client_that_is_refused_and_why(
    who: str,
    told: str,
    secured: tuple[ProxyProcess, Pair],
    authority: Authority,
    stranger: Authority,
    root: Path,
) -> None:
    proxy, _ = secured
    shown = {
        "nobody": None,
        "stranger": stranger.issue("mallory"),
        "expired": authority.issue("late", valid_for=-DAY),
        "distrusting": authority.issue("wary"),
    }[who]
    trusted = stranger if who == "distrusting" else authority
    assert "error" in client(proxy, trusted, root, shown)
    logs(proxy, told)


@pytest.fixture
def one_way(start_proxy: StartProxy, authority: Authority) -> Callable[..., ProxyProcess]:
    """Starts a proxy that asks its clients for no certificate; ``names`` and the rest are of its own."""

    def start(*names: str, **issued: object) -> ProxyProcess:
        valid_for = issued.get("valid_for", 90 * DAY)
        assert isinstance(valid_for, type(DAY))
        address = loopback_address()
        pair = authority.issue("one-way", *(names or (address,)), valid_for=valid_for)
        tls = {"cert_file": str(pair.cert), "key_file": str(pair.key)}
        return start_proxy(
            listen={"host": address, "tls": tls, "handshake_seconds": 1},
            admin={"host": address},
            mode="primary_only",
        )

    return start


def test_one_way_and_those_who_do_not_speak_tls_or_an_old_one(
    one_way: Callable[..., ProxyProcess], authority: Authority, root: Path
) -> None:
    proxy = one_way()
    assert client(proxy, authority, root, None) == ROWS
    options = encode_frame(4, 0, 1, Opcode.OPTIONS, b"")
    for _ in range(20):
        with socket.create_connection((proxy.address, proxy.port), timeout=10) as plain:
            plain.sendall(options)
            with suppress_reset():
                assert plain.recv(100) == b""
    logs(proxy, "it spoke without TLS to a port that is for TLS: turn TLS on in its driver")
    assert log_of(proxy).count("it spoke without TLS") == 1
    old = ssl.create_default_context(cafile=authority.file)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((proxy.address, proxy.port), timeout=10) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        old.wrap_socket(plain, server_hostname=proxy.address)
    logs(proxy, "it offers no TLS version from 1.2 on")
    with socket.create_connection((proxy.address, proxy.port), timeout=10) as hung:
        hung.sendall(b"\x16\x03\x01")
        assert hung.recv(100) == b""
    logs(proxy, "it did not finish in time")
    assert client(proxy, authority, root, None) == ROWS
    turned_away = proxy.stats()["clients_turned_away"]
    assert turned_away == {"tls_plain": 20, "tls_version": 1, "tls_timeout": 1}
    assert proxy.count("unhandled_errors") == 0


def suppress_reset() -> AbstractContextManager[None]:
    """Closed with unread bytes, a connection may be reset."""
    return suppress(ConnectionResetError)


def test_a_driver_refuses_the_wrong_host_name(
    one_way: Callable[..., ProxyProcess], authority: Authority, root: Path
) -> None:
    error = client(one_way("elsewhere.example"), authority, root, None)["error"]
    assert "IP address mismatch" in str(error)


def test_a_driver_refuses_an_expired_certificate_and_the_log_has_warned_of_it(
    one_way: Callable[..., ProxyProcess], authority: Authority, root: Path
) -> None:
    proxy = one_way(valid_for=-DAY)
    assert "certificate has expired" in str(client(proxy, authority, root, None)["error"])
    logs(proxy, "the certificate of listen.tls.cert_file expired at 20")
    logs(proxy, "it does not trust the certificate of cert_file (SSLV3_ALERT_CERTIFICATE_EXPIRED)")


def test_a_tls_client_at_a_plain_port(start_proxy: StartProxy, authority: Authority, root: Path) -> None:
    proxy = start_proxy(mode="primary_only")
    assert "error" in client(proxy, authority, root, None)
    logs(proxy, "it spoke TLS to a port without it; turn TLS off in its driver, or set listen.tls")


# --- clusters -------------------------------------------------------------------------------------


def refused(node: CassandraNode, place: Path, tls: object = None) -> str:
    """The last words of a proxy that does not start, since the node is as it is."""
    primary = {"contact_points": [node.address], **({} if tls is None else {"tls": tls})}
    settings = proxy_settings(
        loopback_address(), node, None, primary=primary, mode="primary_only", connect_timeout=0.5
    )
    proxy = ProxyProcess(settings, Path(tempfile.mkdtemp(prefix="proxy-", dir=place)))
    proxy.launch()
    assert proxy.wait_ended(30) == 1, proxy.log_tail()
    return proxy.log_tail(1)


def test_a_cluster_that_is_refused_and_what_is_said(
    root: Path,
    primary: CassandraNode,
    shadow: CassandraNode,
    strict: CassandraNode,
    authority: Authority,
    stranger: Authority,
) -> None:
    def told(node: CassandraNode, **tls: object) -> str:
        return refused(node, root, tls or None)

    where = "cqlproxy: the primary cluster cannot be reached at {0}, port 9042: {0}:9042: "
    trusted, wrong = str(authority.file), str(stranger.file)
    assert told(primary, ca_file=wrong).startswith(
        where.format(primary.address)
        + "its certificate is refused: unable to get local issuer certificate; primary.tls.ca_file must hold"
        f" the authority that issued it (the certificate is of CN=primary, for {primary.address}, issued by"
        " CN=authority, valid until 20"
    )
    said = told(shadow, ca_file=trusted)
    assert said.startswith(where.format(shadow.address) + "its certificate is refused: IP address mismatch")
    assert (
        "set primary.tls.check_hostname: false (the certificate is of CN=shadow, for elsewhere.example"
        in said
    )
    assert told(strict, ca_file=trusted).startswith(
        where.format(strict.address) + "it wants a certificate of the proxy (require_client_auth)"
    )
    of_stranger = stranger.issue("unknown-proxy")
    said = told(strict, ca_file=trusted, cert_file=str(of_stranger.cert), key_file=str(of_stranger.key))
    assert "does not trust the certificate of primary.tls.cert_file" in said
    assert "does the node require TLS? Then set primary.tls" in told(strict)


# --- without a restart ----------------------------------------------------------------------------


def test_certificates_replaced_under_load_cost_no_request(
    secured: tuple[ProxyProcess, Pair], authority: Authority, own: Pair, root: Path
) -> None:
    proxy, _ = secured
    shown = authority.issue("load")
    program = DriverProgram(
        PROGRAMS / "tls_load.py",
        *(proxy.address, proxy.port, str(authority.file), str(shown.cert), str(shown.key), 5),
        root=root,
    )
    replaced = 0
    while program.is_running():
        authority.issue("proxy", proxy.address)
        authority.issue(own.cert.stem)
        proxy.send(signal.SIGHUP)
        replaced += 1
        program.wait(0.5)
    said = program.result(30)
    assert said["errors"] == []
    serials, requests = said["serials"], said["requests"]
    assert isinstance(serials, list)
    assert isinstance(requests, int)
    assert requests > 500
    # New connections were shown new certificates.
    assert len(set(serials)) >= 3, (serials, replaced)
    assert "changed files are in force section=listen.tls" in log_of(proxy)
    assert "changed files are in force section=primary.tls" in log_of(proxy)
    assert proxy.count("unhandled_errors") == 0
    expiry = metric(proxy, "proxy_certificate_expiry_timestamp_seconds", "listen.tls", "cert_file")
    left = expiry - time.time()
    assert 89 * 86_400 < left < 91 * 86_400


def test_a_bad_file_changes_nothing(
    secured: tuple[ProxyProcess, Pair], authority: Authority, root: Path
) -> None:
    proxy, pair = secured
    certificate = pair.cert.read_bytes()
    since = len(log_of(proxy))
    pair.cert.write_bytes(authority.issue("wrong").cert.read_bytes())
    proxy.send(signal.SIGHUP)
    logs(proxy, "what was read before stays in force: listen.tls.key_file: ", since)
    assert metric(proxy, "proxy_security_files_stale", "listen.tls") == 1
    assert client(proxy, authority, root, authority.issue("application")) == ROWS
    pair.cert.write_bytes(certificate)
    proxy.send(signal.SIGHUP)
    logs(proxy, "changed files are in force section=listen.tls", since)
    assert metric(proxy, "proxy_security_files_stale", "listen.tls") == 0
    assert metric(proxy, "proxy_security_files_reload_failures_total", "listen.tls") >= 1


def metric(proxy: ProxyProcess, name: str, section: str, file: str | None = None) -> float:
    labels = f'section="{section}"' if file is None else f'section="{section}",file="{file}"'
    _, text = proxy.get("/metrics")
    found = re.search(rf"^{name}\{{{labels}\}} (\S+)$", text.decode(), re.MULTILINE)
    assert found, f"no {name} of {section}"
    return float(found[1])


def test_the_commands_reach_the_admin_port_by_tls_with_its_token(
    secured: tuple[ProxyProcess, Pair], tmp_path: Path
) -> None:
    proxy, _ = secured
    result = CliRunner().invoke(main, ["mode", "get", "-c", str(proxy.config_file)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("dual_write_async since ")
    wrong = tmp_path / "token"
    wrong.write_text("f" * 32)
    result = CliRunner().invoke(
        main, ["mode", "get", "-c", str(proxy.config_file), "--token-file", str(wrong)]
    )
    assert result.exit_code == 1
    assert "HTTP status 401: this needs the admin token" in result.stderr
    assert TOKEN not in log_of(proxy)


# --- at the end, since the node is changed --------------------------------------------------------


def test_a_node_whose_certificate_has_expired(
    root: Path, strict: CassandraNode, authority: Authority, own: Pair
) -> None:
    strict.stop()
    authority.issue("strict", strict.address, valid_for=-DAY)
    strict.start()
    said = refused(strict, root, to_strict(strict, authority, own)["tls"])
    assert "its certificate is refused: certificate has expired; replace the certificate on the node" in said
