"""What a section of the configuration is, and the kinds of value that sections have in common."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from cqlproxy import config_values as values


def _beside_the_file(value: object, info: ValidationInfo) -> Path:
    folder = info.context["folder"] if info.context else Path()
    return Path(folder, value if isinstance(value, Path) else values.file_path(value))


Host = Annotated[str, BeforeValidator(values.host)]
Port = Annotated[int, BeforeValidator(values.whole_number(1, 65_535))]
ContactPoint = Annotated[str, BeforeValidator(values.contact_point)]
ContactPoints = Annotated[tuple[ContactPoint, ...], BeforeValidator(values.contact_points)]
Address = Annotated[IPv4Address | IPv6Address, BeforeValidator(values.advertised_address)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(values.network)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(values.networks)]
Count = Annotated[int, BeforeValidator(values.whole_number(1, 100_000_000))]
Milliseconds = Annotated[int, BeforeValidator(values.whole_number(1, 3_600_000, "milliseconds"))]
Seconds = Annotated[float, BeforeValidator(values.number(0.1, 86_400, "seconds"))]
Flag = Annotated[bool, BeforeValidator(values.flag)]
FilePath = Annotated[Path, BeforeValidator(_beside_the_file)]


class Section(BaseModel):
    """A mapping of known keys, which cannot be changed once it is read."""

    # Every other check is in config_values, so that each message is ours: see config.py.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _mapping(value: object) -> object:
    # A blank section is refused too: an empty `filters:` would quietly hold back nothing.
    if not isinstance(value, dict | Section):
        raise ValueError(f"must be a mapping of keys, not {values.shown(value)}")
    return value


MAPPING: Final = BeforeValidator(_mapping)
"""For a key whose value is a section."""
