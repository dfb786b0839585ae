"""Certificates and keys from files: what is made of good ones, and what is said of each kind of bad one."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from cqlproxy import files_in_force
from cqlproxy.files_in_force import FileProblemsError, FileWatch
from cqlproxy.tls.contexts import TlsFiles, cluster_files, server_files
from cqlproxy.tls.expiry import Expiry
from tests.nodes.certificates import DAY, Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority("authority", tmp_path / "authority")


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.issue("proxy", "proxy.example")


def served(pair: Pair, ca: Path | None = None) -> TlsFiles:
    return server_files("listen.tls", pair.cert, pair.key, ca)


def problems(pair: Pair, ca: Path | None = None) -> str:
    with pytest.raises(FileProblemsError) as caught:
        served(pair, ca)
    return "\n".join(caught.value.problems)


def test_tls_1_2_is_the_oldest_version_in_every_direction(authority: Authority, pair: Pair) -> None:
    contexts = [
        served(pair).current.context,
        served(pair, authority.file).current.context,
        cluster_files("primary.tls", None, None, None, check_hostname=True).current.context,
        cluster_files(
            "primary.tls", authority.file, pair.cert, pair.key, check_hostname=False
        ).current.context,
    ]
    assert {context.minimum_version for context in contexts} == {ssl.TLSVersion.TLSv1_2}
    assert [context.verify_mode for context in contexts] == [ssl.CERT_NONE, *[ssl.CERT_REQUIRED] * 3]
    assert [context.check_hostname for context in contexts] == [False, False, True, False]
    # A client's certificate is checked by client_ca_file alone, a node's without ca_file by the system's.
    assert len(contexts[1].get_ca_certs()) == 1
    assert len(contexts[3].get_ca_certs()) == 1


def test_a_missing_file(pair: Pair) -> None:
    pair.key.unlink()
    assert problems(pair) == f"listen.tls.key_file: there is no file {pair.key}"


def test_an_unreadable_file(authority: Authority, pair: Pair) -> None:
    directory = authority.folder / "directory"
    directory.mkdir()
    assert problems(pair, directory) == (
        f"listen.tls.client_ca_file: {directory} cannot be read by user {os.geteuid()}, as whom cqlproxy"
        " runs: Is a directory"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no certificate in PEM form: it is empty"),
        (b"hello", "holds no certificate in PEM form"),
        (
            b"\x30\x82\x01",
            "holds no certificate in PEM form; it looks like DER or a PKCS #12 keystore: convert",
        ),
        (
            b"\xfe\xed\xfe\xed\x00",
            "holds no certificate in PEM form; it looks like a Java keystore (JKS): con",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "a certificate that cannot be read",
        ),
    ],
)
def test_a_file_without_a_certificate(content: bytes, told: str, pair: Pair) -> None:
    pair.cert.write_bytes(content)
    assert problems(pair).startswith(f"listen.tls.cert_file: {pair.cert} ")
    assert told in problems(pair)


def test_a_file_without_a_key(pair: Pair) -> None:
    assert problems(Pair(pair.key, pair.key, pair.both)) == (
        f"listen.tls.cert_file: {pair.key} holds no certificate in PEM form; it holds a private key"
    )
    assert problems(Pair(pair.cert, pair.cert, pair.both)) == (
        f"listen.tls.key_file: {pair.cert} holds no private key in PEM form; it holds a certificate"
    )
    pair.key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    assert f"{pair.key} holds a private key that cannot be read: " in problems(pair)


def test_a_key_that_is_not_the_certificates(authority: Authority, pair: Pair) -> None:
    other = authority.issue("other")
    told = problems(Pair(pair.cert, other.key, pair.both))
    assert told.startswith(
        f"listen.tls.key_file: {other.key} is not the key of the certificate in {pair.cert} (of CN=proxy, for"
        " proxy.example, issued by CN=authority, valid until 20"
    )


def test_an_encrypted_key_asks_no_terminal(authority: Authority) -> None:
    told = problems(authority.issue("locked", password="a secret"))
    assert "locked.key is encrypted, and there is nobody to ask for its password: decrypt it, by" in told
    assert "a secret" not in told


def test_one_file_may_hold_both_and_a_chain_ends_with_its_first_certificate(authority: Authority) -> None:
    both = authority.issue("both").both
    both.write_bytes(both.read_bytes() + authority.file.read_bytes())
    files = served(Pair(both, both, both))
    left = files.current.ends["cert_file"] - datetime.now(UTC)
    assert timedelta(days=89) < left < timedelta(days=91)


def test_authorities_end_with_the_last_of_them(authority: Authority, tmp_path: Path) -> None:
    old = x509.load_pem_x509_certificate(authority.issue("old", valid_for=-DAY).cert.read_bytes())
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(old.public_bytes(Encoding.PEM) + authority.file.read_bytes())
    files = cluster_files("shadow.tls", bundle, None, None, check_hostname=True)
    assert files.current.ends["ca_file"] - datetime.now(UTC) > 3000 * DAY


def test_an_expired_certificate_is_served_but_does_not_replace_a_valid_one(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    pair = authority.issue("expired", valid_for=-DAY)
    files = served(pair)
    expiry = Expiry([files], 14 * 86_400)
    expiry.warn(datetime.now(UTC))
    assert "the certificate of listen.tls.cert_file expired at 20" in caplog.text
    (state,) = expiry.states()
    assert (state.section, state.file) == ("listen.tls", "cert_file")
    assert -86_500 < state.expires_at - time.time() < -86_300
    authority.issue("expired")
    asyncio.run(files.reload())
    assert not files.problems
    in_force = files.current
    authority.issue("expired", valid_for=-DAY)
    asyncio.run(files.reload())
    assert files.current is in_force
    assert f"{pair.cert} expired at 20" in "\n".join(files.problems)
    assert "the one in force is valid until 20" in "\n".join(files.problems)


def test_a_certificate_near_its_end_is_warned_of_once_a_day(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = served(authority.issue("brief", valid_for=13 * DAY), authority.file)
    expiry = Expiry([files], 14 * 86_400)
    now = datetime.now(UTC)
    for hours in (0, 1, 23, 25, 26):
        expiry.warn(now + timedelta(hours=hours))
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(", at ")[0] for line in told] == [
        "the certificate of listen.tls.cert_file expires in 12 days",
        "the certificate of listen.tls.cert_file expires in 11 days",
    ]
    caplog.clear()
    # Another one, that is near its end as well, is told of at once.
    authority.issue("brief", valid_for=10 * DAY)
    asyncio.run(files.reload())
    expiry.warn(now + timedelta(hours=27))
    assert "expires in 8 days" in caplog.text


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("watched", [False, True], ids=["SIGHUP", "watched"])
def test_files_that_change_are_in_force_and_bad_ones_are_not(
    watched: bool,
    pair: Pair,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(files_in_force, "SETTLE_SECONDS", 0.01)
    monkeypatch.setattr(files_in_force, "LOOK_SECONDS", 0.01)
    files = served(pair)
    watch = FileWatch([files])

    def changed() -> None:
        if not watched:
            watch.reload_soon()

    async def main() -> None:
        if watched:
            watch.start()
        first = files.current
        # The key comes a while after its certificate, as from those who copy files one by one.
        other = authority.issue("other", "proxy.example")
        pair.cert.write_bytes(other.cert.read_bytes())
        changed()
        await until(lambda: files.failures)
        assert files.current is first
        assert "changed files cannot be used; what was read before stays in force: listen.tls.key_file" in (
            caplog.text
        )
        pair.key.write_bytes(other.key.read_bytes())
        changed()
        await until(lambda: files.current is not first)
        assert not files.problems
        assert "changed files are in force" in caplog.text
        pair.cert.unlink()
        changed()
        await until(lambda: files.problems)
        assert list(files.problems) == [f"listen.tls.cert_file: there is no file {pair.cert}"]
        pair.cert.write_bytes(other.cert.read_bytes())
        changed()
        await until(lambda: not files.problems)
        assert files.failures == 2
        await watch.stop()

    asyncio.run(main())


def test_files_that_do_not_change_are_not_read_again(pair: Pair) -> None:
    files = served(pair)
    first = files.current

    async def main() -> None:
        for _ in range(3):
            await files.look()

    asyncio.run(main())
    assert files.current is first


def test_a_proxy_without_tls_is_spared_the_memory() -> None:
    code = "import sys, cqlproxy.service, cqlproxy.cli; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
