"""What each kind of value in the configuration may be: a size, a host, a mode, a number in its bounds.

Every check takes what YAML gave and returns the value that the program uses, or raises a ValueError that says
what was found and what is accepted. config.py puts the path of the key before it. A kind with parameters is
made whole here, the others in `section`.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from cqlproxy.config.kind import Kind
from cqlproxy.modes import Mode, parse_mode
from frame_codec import ConsistencyLevel

_UNITS: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_SIZE_WRITTEN: Final = r"^ *[0-9]{1,15}(\.[0-9]{1,6})? ?([kKmMgG][iI]?[bB]|[bB])? *$"
_SIZE: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,6}))? ?([A-Za-z]*)")
MIN_TOKEN: Final = 16
"""Characters; a shorter token could be guessed."""
MAX_TOKEN: Final = 1024
_TOKEN: Final = re.compile(rf"[!-~]{{{MIN_TOKEN},{MAX_TOKEN}}}")
_HOST_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")

WRITE_CONSISTENCIES: Final = tuple(
    level.name
    for level in ConsistencyLevel
    if level not in (ConsistencyLevel.SERIAL, ConsistencyLevel.LOCAL_SERIAL)
)


def parse_size(text: str) -> int:
    """Return the number of bytes that `text` means: `64MiB` (2**20), `10MB` (10**6), `1.5GiB`, `4096`.

    Units are B, kB, MB, GB, KiB, MiB and GiB in any letter case. Raises ValueError for anything else.
    """
    matched = _SIZE.fullmatch(text.strip())
    factor = _UNITS.get(matched[3].lower()) if matched else None
    if matched is None or factor is None:
        raise ValueError(
            f"{shown(text)} is not a size (a whole number of bytes, or with kB, MB, GB, KiB, MiB, GiB)"
        )
    millionths = int((matched[2] or "0").ljust(6, "0"))
    return int(matched[1]) * factor + millionths * factor // 1_000_000


def readable_size(size: int) -> str:
    """A number of bytes in the largest unit that needs no fraction, such as 64 MiB."""
    for factor, unit in (
        (2**50, "PiB"),
        (2**40, "TiB"),
        (2**30, "GiB"),
        (2**20, "MiB"),
        (2**10, "KiB"),
    ):
        if size and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def parse_host(text: str) -> str:
    """Return `text` if it is an IPv4 address, an IPv6 address or a host name; else raise ValueError.

    Names are judged by their form (RFC 1123, section 2.1, and the underscore that some networks use).
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return text
    if text.startswith("["):
        raise ValueError(
            f"{shown(text)}: an IPv6 address is written without brackets, its port in the key `port`"
        )
    if re.fullmatch(r"[^:]*:[0-9]*", text):
        raise ValueError(f"{shown(text)}: a port does not belong here, but in the key `port`")
    labels = text.removesuffix(".").split(".")
    # A last label of digits alone can only be an IPv4 address gone wrong.
    if len(text) > 253 or not all(map(_HOST_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ValueError(f"{shown(text)} is not a host (a host name, an IPv4 or an IPv6 address)")
    return text


def shown(value: object) -> str:
    """A value as a message quotes it: on one line and short."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def text(value: object, what: str) -> str:
    """A text that is not blank; `what` says which."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be {what}, not {shown(value)}")
    return value


def whole_number(low: int, high: int, unit: str = "") -> Kind:
    """A whole number in its bounds, both included. YAML's true, 1.0 and "1" are refused as probable slips."""
    accepted = f"a whole number{' of ' if unit else ''}{unit} from {low} to {high}"

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be {accepted}, not {shown(value)}")
        return value

    return Kind(check, {"type": "integer", "minimum": low, "maximum": high}, accepted)


def size(low: int, high: int) -> Kind:
    """A size in its bounds, both included, as parse_size takes it or as a number of bytes."""

    def check(value: object) -> int:
        if isinstance(value, str):
            count = parse_size(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            count = value
        else:
            raise ValueError(f"must be a size such as 64MiB, not {shown(value)}")
        if not low <= count <= high:
            raise ValueError(f"must be from {low} to {high} bytes, not {shown(value)}")
        return count

    schema = {
        "anyOf": [
            {"type": "integer", "minimum": low, "maximum": high},
            {"type": "string", "pattern": _SIZE_WRITTEN},
        ]
    }
    return Kind(check, schema, f"a size from {readable_size(low)} to {readable_size(high)}")


def number(low: float, high: float, unit: str = "") -> Kind:
    """A number in its bounds, both included."""
    accepted = f"a number{' of ' if unit else ''}{unit} from {low:g} to {high:g}"

    def check(value: object) -> float:
        # NaN fails every comparison, so that it is refused as well.
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be {accepted}, not {shown(value)}")
        return float(value)

    return Kind(check, {"type": "number", "minimum": low, "maximum": high}, accepted)


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def one_of(*accepted: str) -> Kind:
    """One of a few words. Where `off` is one of them it needs no quotes, though to YAML 1.1 it is false."""
    words: list[str | bool] = [*accepted]
    if "off" in accepted:
        words.append(False)

    def check(value: object) -> str:
        if value is False and "off" in accepted:
            return "off"
        if not isinstance(value, str) or value not in accepted:
            read = " (as YAML reads a bare on or yes, too)" if value is True else ""
            raise ValueError(f"must be one of {', '.join(accepted)}, not {shown(value)}{read}")
        return value

    return Kind(check, {"enum": words}, f"one of {', '.join(accepted)}")


def write_consistency(value: object) -> ConsistencyLevel:
    """A consistency level that a write can have, by its name in the native protocol (v4, section 3)."""
    if isinstance(value, ConsistencyLevel):
        return value
    accepted = f"one of {', '.join(WRITE_CONSISTENCIES)}"
    written = text(value, accepted)
    if written in WRITE_CONSISTENCIES:
        return ConsistencyLevel[written]
    if written in ConsistencyLevel.__members__:
        raise ValueError(f"{written} is for the reading half of a conditional write, must be {accepted}")
    near = difflib.get_close_matches(written.upper(), WRITE_CONSISTENCIES, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    raise ValueError(f"must be {accepted}, not {shown(written)}{hint}")


def file_path(value: object) -> str | Path:
    """The path of a file, which need not exist."""
    if isinstance(value, Path):
        return value
    written = text(value, "the path of a file")
    if written.rpartition("/")[2] in ("", ".", "..") or "\0" in written:
        raise ValueError(f"must be the path of a file, not {shown(written)}")
    return written


def service_name(value: object) -> str:
    """What a service is called."""
    return text(value, "a name")


def url(value: object) -> str:
    """A URL of HTTP, with a host."""
    accepted = "a URL such as http://127.0.0.1:4318/v1/traces"
    written = text(value, accepted)
    try:
        parts = urlsplit(written)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(f"must be {accepted}, not {shown(value)}")
    return written


def username(value: object) -> str:
    """The name of an account."""
    written = text(value, "the name of an account")
    if "\0" in written:
        raise ValueError("must be the name of an account, and no name has a NUL in it")
    return written


def password(value: object) -> SecretStr:
    """A password, which no message shows."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes if it looks like a number")
    if not value or "\0" in value:
        raise ValueError("must not be empty, nor have a NUL in it")
    return SecretStr(value)


def token(value: object) -> SecretStr:
    """A bearer token, which no message shows."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes if it looks like a number")
    return SecretStr(parse_token(value))


def parse_token(text: str) -> str:
    """Return `text` if it can be a bearer token (RFC 6750, section 2.1).

    Raises ValueError, which does not show it, for anything else.
    """
    if not _TOKEN.fullmatch(text):
        raise ValueError(
            f"must be {MIN_TOKEN} to {MAX_TOKEN} letters, digits and punctuation marks without spaces,"
            " such as `openssl rand -hex 32` prints"
        )
    return text


def host(value: object) -> str:
    """A host name or an address, of any family."""
    return parse_host(text(value, "a host name, an IPv4 or an IPv6 address"))


def contact_points(value: object) -> tuple[object, ...]:
    """A list with at least one element; each is then checked as a contact_point."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of hosts, such as [127.0.0.1], not {shown(value)}")
    if not value:
        raise ValueError("must name at least one host, such as [127.0.0.1]")
    return tuple(value)


def contact_point(value: object) -> str:
    """A host that can be connected to."""
    name = host(value)
    if _is_unspecified(name):
        raise ValueError(f"{shown(name)} stands for every address of a machine: nothing can connect to it")
    return name


def advertised_address(value: object) -> IPv4Address | IPv6Address:
    """An address that a driver can connect to; drivers are told addresses, not names."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    written = text(value, "an IPv4 or IPv6 address")
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        raise ValueError(f"must be an IPv4 or IPv6 address, not {shown(written)}") from None
    if address.is_unspecified:
        raise ValueError(f"{shown(written)} stands for every address of a machine: nothing can connect to it")
    return address


def networks(value: object) -> tuple[object, ...]:
    """A list with at least one element; each is then checked as a network."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of networks, such as [10.0.0.0/8], not {shown(value)}")
    if not value:
        raise ValueError("must name at least one network, such as [10.0.0.0/8]; left out, all are allowed")
    return tuple(value)


def network(value: object) -> IPv4Network | IPv6Network:
    """A network in CIDR notation; an address alone is the network of that address."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    written = text(value, "a network, such as 10.0.0.0/8")
    try:
        return ipaddress.ip_network(written)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(written, strict=False)
    except ValueError:
        raise ValueError(
            f"must be a network, such as 10.0.0.0/8 or 2001:db8::/32, not {shown(written)}"
        ) from None
    raise ValueError(f"{shown(written)} has bits set beyond its prefix: {meant}, or a longer prefix?")


def write_mode(value: object) -> Mode:
    """A write mode, in any of its spellings."""
    return parse_mode(text(value, f"one of {', '.join(Mode)}"))


def datacenter(value: object) -> str:
    """The name of a datacenter."""
    return text(value, "the name of a datacenter, as `nodetool status` shows it")


def is_loopback(name: str) -> bool:
    """Whether a host is this machine alone, as far as its text tells: a name other than localhost is not."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower().removesuffix(".") == "localhost"


def _is_unspecified(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return False
