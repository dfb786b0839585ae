"""The rules file: what it may hold, what is wrong with it in words, and the rules that it means."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from filters.document import Document, Location, RulesError
from filters.patterns import TablePatterns, table_pattern
from filters.resting import Rest, each, no_rest
from filters.rules import OnUnknownTenant, Rules
from filters.tenants import Tenants

_MAX_BYTES: Final = 64 * 1024 * 1024


def _list(value: object) -> object:
    # A key whose entries are all commented out.
    return [] if value is None else value


def _mapping(value: object) -> object:
    return {} if value is None else value


def _some(value: list[str]) -> list[str]:
    if not value:
        raise ValueError(
            "is empty, which would hold every table back; name the tables to copy, or leave the key out"
        )
    return value


def _tenant(value: str) -> str:
    if not value:
        raise ValueError("a tenant's value must not be empty")
    return value


def _pattern(value: str) -> str:
    table_pattern(value)
    return value


def _column(value: str) -> str:
    if len(value) > 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    if not value or '"' in value or "." in value or value != value.strip():
        raise ValueError(f"{value!r} is not the name of a column")
    return value.lower()


_Tenant = Annotated[str, AfterValidator(_tenant)]
_Column = Annotated[str, AfterValidator(_column)]
_Pattern = Annotated[str, AfterValidator(_pattern)]
_Columns = Annotated[list[_Column], BeforeValidator(_list)]


class Filters(BaseModel):
    """The keys under ``filters``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant_blacklist: Annotated[list[_Tenant], BeforeValidator(_list)] = []
    table_blacklist: Annotated[list[_Pattern], BeforeValidator(_list)] = []
    # The default is the key left out: a whitelist that is given names something.
    table_whitelist: Annotated[list[_Pattern], BeforeValidator(_list), AfterValidator(_some)] = []
    tenant_columns: _Columns = []
    tenant_columns_by_table: Annotated[dict[_Pattern, _Columns], BeforeValidator(_mapping)] = {}
    on_unknown_tenant: OnUnknownTenant | None = None
    enforce: bool = True
    reload_interval_secs: float = Field(default=60.0, gt=0, allow_inf_nan=False)


class RulesFile(BaseModel):
    """The root of the rules file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: Filters


def load_rules(path: Path, *, loaded_at: float | None = None) -> Rules:
    """The rules in a file.

    ``loaded_at`` is what the rules say about when they were read, in seconds since the epoch. Raises
    RulesError, with one line for each thing that is wrong: the whole file is used, or nothing of it.
    """
    return rules_of(path, read_rules(path), loaded_at=loaded_at)


def rules_of(path: Path, content: bytes, *, loaded_at: float | None = None, rest: Rest = no_rest) -> Rules:
    """The rules that a file's content means. Raises RulesError, as load_rules does."""
    document = Document(path, content, rest)
    if document.value is None:
        raise RulesError([f"{path}: the file is empty; to hold nothing back, write `filters: {{}}`"])
    try:
        parsed = RulesFile.model_validate(document.value).filters
    except ValidationError as error:
        raise RulesError([_problem(document, found) for found in error.errors()]) from None
    if parsed.tenant_blacklist and not (
        parsed.tenant_columns or any(parsed.tenant_columns_by_table.values())
    ):
        what = "holds nothing back unless filters.tenant_columns names the columns to look at"
        raise RulesError([document.problem(("filters", "tenant_blacklist"), what)])
    return Rules(
        tenants=Tenants(each(parsed.tenant_blacklist, rest)),
        tables=TablePatterns(map(table_pattern, each(parsed.table_blacklist, rest))),
        whitelist=TablePatterns(map(table_pattern, parsed.table_whitelist))
        if parsed.table_whitelist
        else None,
        tenant_columns=frozenset(parsed.tenant_columns),
        tenant_columns_by_table=tuple(
            (table_pattern(text), frozenset(columns))
            for text, columns in parsed.tenant_columns_by_table.items()
        ),
        on_unknown_tenant=parsed.on_unknown_tenant,
        enforce=parsed.enforce,
        reload_interval_secs=parsed.reload_interval_secs,
        path=path,
        content_hash=hash_of(content),
        loaded_at=loaded_at,
    )


def hash_of(content: bytes) -> str:
    """What tells one content of a rules file from another: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_rules(path: Path) -> bytes:
    """The content of a rules file. Raises RulesError when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise RulesError([f"{path}: there is no such rules file"]) from None
    except OSError as error:
        raise RulesError([f"{path}: the rules file cannot be read: {error.strerror}"]) from None
    if len(content) > _MAX_BYTES:
        raise RulesError([f"{path}: the rules file is longer than {_MAX_BYTES} bytes"])
    return content


def _problem(document: Document, found: ErrorDetails) -> str:
    location: Location = found["loc"]
    if location[-1:] == ("[key]",):
        location = location[:-1]
    return document.problem(location, _what(found, location))


def _what(found: ErrorDetails, location: Location) -> str:
    given = found["input"]
    shown = f", not {given!r}" if isinstance(given, str) else ", not empty" if given is None else ""
    match found["type"]:
        case "extra_forbidden":
            model = Filters if len(location) > 1 else RulesFile
            return f"unknown key (accepted here: {', '.join(model.model_fields)})"
        case "missing":
            return "is required"
        case "model_type" | "model_attributes_type":
            return f"must be a mapping of keys{shown}"
        case "list_type":
            return f"must be a list, such as [a, b]{shown}"
        case "dict_type":
            return f"must be a mapping, such as {{ks.table: [column]}}{shown}"
        case "enum":
            return f"must be {' or '.join(OnUnknownTenant)}{shown}"
        case "bool_parsing" | "bool_type":
            return f"must be true or false{shown}"
        case "string_type":
            return f"must be text{shown}"
        case "value_error":
            return found["msg"].removeprefix("Value error, ")
        case "float_parsing" | "float_type" | "greater_than" | "finite_number":
            return f"must be a number of seconds greater than 0{shown}"
        case _:
            return found["msg"]
