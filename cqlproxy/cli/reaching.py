"""How a command reaches the admin port of a proxy: address, token and certificate."""

from __future__ import annotations

import getpass
import os
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cqlproxy.cli.failures import refuse
from cqlproxy.client.address import DEFAULT_URL, AdminAddress

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport
    from cqlproxy.config import Admin

_END = "-----END CERTIFICATE-----"

TOKEN_VARIABLE = "CQLPROXY_ADMIN_TOKEN"


class Reaching(NamedTuple):
    """What was said on the command line, None where nothing was."""

    url: str | None
    config: Path | None
    token_file: Path | None
    ca_file: Path | None


def reach(said: Reaching) -> BlockingTransport:
    """The admin API that is meant; ends the command with what is wrong, which shows no token."""
    from cqlproxy.client.transport import BlockingTransport

    return BlockingTransport(address(said))


def address(said: Reaching) -> AdminAddress:
    """Where it is and how one gets in; ends the command with what is wrong, which shows no token."""
    admin = _admin_of(said.config)
    url = said.url
    if url is None:
        url = DEFAULT_URL if admin is None else _local_url(admin)
    try:
        return AdminAddress(
            url, token=_token(said, admin), tls=_tls(said, admin, url), agent=f"cqlproxy ({who()})"
        )
    except ValueError as error:
        refuse([f"--url: {error}"])


def who() -> str:
    """The user and the machine of this command, for the proxy's log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"  # in a container, say, that has no name for it
    return f"{user}@{socket.gethostname()}"[:200]


def _admin_of(path: Path | None) -> Admin | None:
    if path is None:
        return None
    # Imported here, and below, since most commands need no configuration.
    from cqlproxy.config import ConfigError, load_config

    try:
        return load_config(path).admin
    except ConfigError as error:
        refuse(error.lines)


def _local_url(admin: Admin) -> str:
    """Where this machine finds a proxy that may serve on all of its addresses."""
    try:
        address = ip_address(admin.host)
    except ValueError:
        return admin.url
    if not address.is_unspecified:
        return admin.url
    return admin.model_copy(update={"host": "127.0.0.1" if address.version == 4 else "::1"}).url


def _token(said: Reaching, admin: Admin | None) -> str | None:
    given = os.environ.get(TOKEN_VARIABLE)
    if said.token_file is None and not given and admin is None:
        return None
    from cqlproxy.config.values import parse_token
    from cqlproxy.files_in_force import FileProblemsError
    from cqlproxy.security_files import read_token

    try:
        if said.token_file is not None:
            return read_token("--token-file", said.token_file).get_secret_value()
        if given:
            return parse_token(given)
        if admin is not None and admin.token_file is not None:
            return read_token("admin.token_file", admin.token_file).get_secret_value()
    except FileProblemsError as error:
        refuse(error.problems)
    except ValueError as error:
        refuse([f"{TOKEN_VARIABLE}: {error}"])
    return None if admin is None or admin.token is None else admin.token.get_secret_value()


def _tls(said: Reaching, admin: Admin | None, url: str) -> ssl.SSLContext | None:
    """None for whom the system trusts."""
    if not url.startswith("https:"):
        return None
    key, path = "--ca-file", said.ca_file
    if path is None and admin is not None and admin.tls is not None:
        key, path = "admin.tls.cert_file", admin.tls.cert_file
    if path is None:
        return None
    try:
        content = path.read_text(encoding="ascii", errors="replace")
        if said.ca_file is None:
            content = content[: content.find(_END) + len(_END)]
        context = ssl.create_default_context(cadata=content)
    except (OSError, ssl.SSLError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        refuse([f"{key}: {path} cannot be used: {what}"])
    if said.ca_file is None:
        # It is known by its very certificate, so that its names do not matter.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False
    return context
