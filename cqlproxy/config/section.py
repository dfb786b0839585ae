"""What a section of the configuration is, and the kinds of value that sections have in common."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr, ValidationInfo

from cqlproxy.config import values
from cqlproxy.config.kind import Kind
from cqlproxy.modes import SPELLINGS, Mode
from frame_codec import ConsistencyLevel

_TEXT: Final = {"type": "string", "minLength": 1}
_TEXTS: Final = {"type": "array", "minItems": 1, "items": {"type": "string"}}


def _beside_the_file(path: str | Path, info: ValidationInfo) -> Path:
    folder = info.context["folder"] if info.context else Path()
    return Path(folder, path)


Host = Annotated[str, Kind(values.host, _TEXT, "a host name, an IPv4 or an IPv6 address")]
Port = Annotated[int, values.whole_number(1, 65_535)]
ContactPoint = Annotated[str, BeforeValidator(values.contact_point)]
ContactPoints = Annotated[
    tuple[ContactPoint, ...],
    Kind(values.contact_points, _TEXTS, "a list of host names or addresses"),
]
Address = Annotated[
    IPv4Address | IPv6Address, Kind(values.advertised_address, _TEXT, "an IPv4 or IPv6 address")
]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(values.network)]
Networks = Annotated[
    tuple[Network, ...], Kind(values.networks, _TEXTS, "a list of networks, such as 10.0.0.0/8")
]
Count = Annotated[int, values.whole_number(1, 100_000_000)]
Milliseconds = Annotated[int, values.whole_number(1, 3_600_000, "milliseconds")]
Seconds = Annotated[float, values.number(0.1, 86_400, "seconds")]
Flag = Annotated[bool, Kind(values.flag, {"type": "boolean"}, "true or false")]
FilePath = Annotated[
    Path, BeforeValidator(_beside_the_file), Kind(values.file_path, _TEXT, "the path of a file")
]
Url = Annotated[str, Kind(values.url, _TEXT, "a URL that begins with http:// or https://")]
Username = Annotated[str, Kind(values.username, _TEXT, "the name of an account")]
Password = Annotated[SecretStr, Kind(values.password, _TEXT, "a secret")]
Token = Annotated[
    SecretStr | None, Kind(values.token, {"type": "string", "minLength": values.MIN_TOKEN}, "a secret")
]
Datacenter = Annotated[str, Kind(values.datacenter, _TEXT, "the name of a datacenter")]
WriteMode = Annotated[Mode, Kind(values.write_mode, {"enum": list(SPELLINGS)}, f"one of {', '.join(Mode)}")]
WriteConsistency = Annotated[
    ConsistencyLevel | None,
    Kind(
        values.write_consistency,
        {"enum": list(values.WRITE_CONSISTENCIES)},
        f"one of {', '.join(values.WRITE_CONSISTENCIES)}",
    ),
    PlainSerializer(lambda level: level.name, return_type=str, when_used="json-unless-none"),
]


class Section(BaseModel):
    """A mapping of known keys, which cannot be changed once it is read."""

    # Every other check is in `values`, so that each message is ours: see `loading`.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _mapping(value: object) -> object:
    # A blank section is refused too: an empty `filters:` would quietly hold back nothing.
    if not isinstance(value, dict | Section):
        raise ValueError(f"must be a mapping of keys, not {values.shown(value)}")
    return value


MAPPING: Final = BeforeValidator(_mapping)
"""For a key whose value is a section."""
