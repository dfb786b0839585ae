"""The certificates, keys and the token that a configuration names: read at start, watched from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from cqlproxy.config import Admin, ClusterAddress, Config
from cqlproxy.config.values import parse_token
from cqlproxy.files_in_force import FileProblemsError, FilesInForce, FileWatch, Watched
from cqlproxy.metrics import CertificateState, WatchedState
from cqlproxy.supervision import Supervisor

if TYPE_CHECKING:
    from cqlproxy.tls.contexts import TlsFiles
    from cqlproxy.tls.expiry import Expiry

_Made = TypeVar("_Made")

WARN_BEFORE_SECONDS = 14 * 86_400.0
"""How long before its end a certificate is warned of."""


class SecurityFiles:
    """All of them, by who uses them; None where the configuration names none.

    Raises ``FileProblemsError`` with every problem of every file. The rest is for the event loop.
    """

    def __init__(self, config: Config) -> None:
        problems: list[str] = []

        def read(make: Callable[[], _Made | None]) -> _Made | None:
            try:
                return make()
            except FileProblemsError as error:
                problems.extend(error.problems)
                return None

        self.listen: TlsFiles | None = read(lambda: _listen_files(config))
        self.primary: TlsFiles | None = read(lambda: _cluster_files("primary", config.primary))
        self.shadow: TlsFiles | None = read(lambda: _cluster_files("shadow", config.shadow))
        self.admin: TlsFiles | None = read(lambda: _admin_files(config.admin))
        self._token_file = read(lambda: _token_files(config.admin))
        if problems:
            raise FileProblemsError(*problems)
        self._fixed_token = config.admin.token
        certificates = [
            files for files in (self.listen, self.primary, self.shadow, self.admin) if files is not None
        ]
        self._expiry: Expiry | None = _expiry(certificates) if certificates else None
        watched: list[Watched] = [*certificates]
        if self._token_file is not None:
            watched.append(self._token_file)
        self._watch = FileWatch(watched)
        self._supervisor = Supervisor()

    @property
    def any(self) -> bool:
        """Whether there are files to watch."""
        return bool(self._watch.watched)

    def token(self) -> SecretStr | None:
        """What requests to the admin port must carry now; None: nothing."""
        return self._fixed_token if self._token_file is None else self._token_file.current

    def start(self) -> None:
        """Watch the files, and warn of certificates that expire."""
        self._watch.start()
        if self._expiry is not None:
            self._supervisor.start(self._expiry.run(), "expiry of certificates")

    async def stop(self) -> None:
        """Do neither any more. What is in force stays so."""
        await self._watch.stop()
        await self._supervisor.stop()

    def reload_soon(self) -> None:
        """Read the files now, in the background (SIGHUP). What comes of it is logged."""
        self._watch.reload_soon()

    # --- for the metrics ----------------------------------------------------------------------

    def certificates(self) -> Iterable[CertificateState]:
        """Each file with certificates."""
        return () if self._expiry is None else self._expiry.states()

    def states(self) -> Iterable[WatchedState]:
        """Each section or key that names files."""
        for files in self._watch.watched:
            yield WatchedState(files.name, files.failures, bool(files.problems))


# What these import is imported there, so that a proxy without TLS is spared the memory.


def _listen_files(config: Config) -> TlsFiles | None:
    tls = config.listen.tls
    if tls is None:
        return None
    from cqlproxy.tls.contexts import server_files

    return server_files("listen.tls", tls.cert_file, tls.key_file, tls.client_ca_file)


def _admin_files(admin: Admin) -> TlsFiles | None:
    if admin.tls is None:
        return None
    from cqlproxy.tls.contexts import server_files

    return server_files("admin.tls", admin.tls.cert_file, admin.tls.key_file, None)


def _cluster_files(name: str, cluster: ClusterAddress | None) -> TlsFiles | None:
    tls = None if cluster is None else cluster.tls
    if tls is None:
        return None
    from cqlproxy.tls.contexts import cluster_files

    return cluster_files(
        f"{name}.tls", tls.ca_file, tls.cert_file, tls.key_file, check_hostname=tls.check_hostname
    )


def _expiry(certificates: list[TlsFiles]) -> Expiry:
    from cqlproxy.tls.expiry import Expiry

    return Expiry(certificates, WARN_BEFORE_SECONDS)


def _token_files(admin: Admin) -> FilesInForce[SecretStr] | None:
    path = admin.token_file
    if path is None:
        return None
    return FilesInForce("admin.token_file", [path], lambda _: read_token("admin.token_file", path))


def read_token(key: str, path: Path) -> SecretStr:
    """The token in a file, with or without a line end. Raises ``FileProblemsError``, which does not show it.

    ``key`` says who names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileProblemsError(f"{key}: there is no file {path}") from None
    except OSError as error:
        raise FileProblemsError(f"{key}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FileProblemsError(f"{key}: {path} is not text") from None
    try:
        return SecretStr(parse_token(text.strip()))
    except ValueError as error:
        raise FileProblemsError(f"{key}: the token in {path} {error}") from None
