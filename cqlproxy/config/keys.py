"""Every key of the configuration by its path, such as ``mirror.max_bytes``, read off the model."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from cqlproxy.config.kind import Kind
from cqlproxy.config.model import Config
from cqlproxy.config.section import Section

CHANGEABLE: Final = frozenset(
    {
        "mode",
        "mirror.max_requests",
        "mirror.max_bytes",
        "mirror.shadow_timeout_ms",
        "mirror.retry_interval_secs",
        "mirror.max_retry_attempts",
        "mirror.journal_max_bytes",
        "mirror.circuit_open_seconds",
        "mirror.replay_rate",
        "validation_percentage",
        "validation_recheck_ms",
        "shutdown_drain_seconds",
        "log.level",
        "log.format",
    }
)
"""Keys whose value can be changed while the proxy runs; ``settings_in_force`` does it."""


class Key(NamedTuple):
    """One key. ``kind`` is None of a section, ``section`` is None of any other."""

    path: str
    owner: type[Section]
    field: FieldInfo
    kind: Kind | None
    section: type[Section] | None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable that stands for it."""
        return VARIABLE_PREFIX + self.path.replace(".", VARIABLE_DELIMITER).upper()

    @property
    def is_changeable(self) -> bool:
        """Whether it can be changed while the proxy runs."""
        return self.path in CHANGEABLE


VARIABLE_PREFIX: Final = "CQLPROXY_"
VARIABLE_DELIMITER: Final = "__"


@cache
def keys() -> Mapping[str, Key]:
    """All keys by their paths, in the order of the model; a section stands before what is in it."""
    return MappingProxyType({key.path: key for key in _keys_of(Config, "")})


def unknown_key(path: str) -> str:
    """What to say of a path that is no key: what is near, and what there is in its section."""
    section = path
    owner: type[Section] = Config
    while section:
        section = section.rpartition(".")[0]
        if (key := keys().get(section)) is not None and key.section is not None:
            owner = key.section
            break
    known = list(owner.model_fields)
    name = path.removeprefix(f"{section}.").partition(".")[0]
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    return f"is not a known key{hint} (accepted here: {', '.join(known)})"


def _keys_of(owner: type[Section], above: str) -> Iterator[Key]:
    for name, field in owner.model_fields.items():
        path = f"{above}{name}"
        section = _section_of(field.annotation)
        yield Key(path, owner, field, _kind_of(field), section)
        if section is not None:
            yield from _keys_of(section, f"{path}.")


def _section_of(annotation: object) -> type[Section] | None:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


def _kind_of(field: FieldInfo) -> Kind | None:
    """The kind that stands with the field, or with the one type that it may have besides None."""
    found = [mark for mark in field.metadata if isinstance(mark, Kind)]
    for part in get_args(field.annotation):
        if get_origin(part) is Annotated:
            found += [mark for mark in part.__metadata__ if isinstance(mark, Kind)]
    return found[0] if found else None
