"""The plan of a migration: which proxies, through which phases, and what must hold before each step.

`load_plan` reads one from a YAML file; config/migration.yaml explains each key to the operator.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from cqlproxy.client.address import DEFAULT_URL, TIMEOUT_SECONDS, AdminAddress, tls_context
from cqlproxy.client.migration import durations
from cqlproxy.client.migration.phases import is_before
from cqlproxy.modes import Mode, parse_mode
from cqlproxy.yaml_document import DocumentError, read_document

TOKEN_VARIABLE: Final = "CQLPROXY_ADMIN_TOKEN"

Duration = Annotated[float, BeforeValidator(durations.seconds)]
Text = Annotated[StrictStr, Field(min_length=1, max_length=2000)]


class PlanError(Exception):
    """A plan that cannot be carried out; ``problems`` has a line for each reason, with line and key."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Conditions(_Section):
    """What must hold of all proxies together, in the phase that is left, before a step is taken."""

    stayed: Duration = 0
    """The least time in the phase."""
    lag_under: Duration | None = None
    """The oldest copy that has not arrived is younger, and none is on disk, but for ``journal_at_most``."""
    no_dead_letters: StrictBool = True
    no_dropped_writes: StrictBool = True
    """No copy was dropped in the phase, and no proxy killed that kept copies in its memory alone."""
    journal_at_most: Annotated[StrictInt, Field(ge=0)] | None = None
    """Copies that wait on disk."""
    no_mismatches_for: Duration | None = None
    """No read that was compared differed for so long, while some were."""
    compared_at_least: Annotated[StrictInt, Field(ge=1)] = 1
    """Reads that must have been compared in that time."""
    held_for: Duration = 0
    """For so long all of them must hold, look after look."""
    confirm: Text | None = None
    """A question to which somebody must have said yes."""


class Step(_Section):
    """From the phase before to the next one."""

    to: Mode
    when: Conditions = Conditions()

    @field_validator("to", mode="before")
    @classmethod
    def _any_spelling(cls, value: object) -> Mode:
        if not isinstance(value, str):
            raise ValueError("must be the name of a phase, such as dual_write_async")
        return parse_mode(value)


class Plan(_Section):
    """A whole plan. Paths are absolute, or relative to where the program runs unless `load_plan` read it."""

    proxies: tuple[Text, ...] = (DEFAULT_URL,)
    """Admin addresses of all proxies through which the application writes."""
    token_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    timeout: Annotated[Duration, Field(gt=0)] = TIMEOUT_SECONDS
    """Of one request to a proxy."""
    look_every: Annotated[Duration, Field(gt=0)] = 5.0
    """Between two looks at the figures."""
    journal: Path = Path("migration.journal")
    """Of what was done; made when it is not there."""
    steps: tuple[Step, ...]

    @field_validator("proxies")
    @classmethod
    def _addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not urls:
            raise ValueError("must name a proxy at least")
        kept = [AdminAddress(url).url for url in urls]
        if len(set(kept)) < len(kept):
            raise ValueError("name a proxy twice")
        return tuple(kept)

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        if not steps:
            raise ValueError("must not be empty")
        whole = [mode for mode in Mode if mode is not Mode.PRIMARY_ONLY]
        without_sync = [mode for mode in whole if mode is not Mode.DUAL_WRITE_SYNC]
        names = [step.to for step in steps]
        if names not in (whole[: len(names)], without_sync[: len(names)]):
            raise ValueError(
                f"must lead through {', '.join(whole)} in this order, and may leave out"
                " dual_write_sync, and the end"
            )
        return steps

    @model_validator(mode="after")
    def _pair(self) -> Plan:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        return self

    def step_after(self, phase: Mode) -> Step | None:
        """The step that leaves ``phase``; None at the end of the plan."""
        return next((step for step in self.steps if is_before(phase, step.to)), None)

    def phase_before(self, phase: Mode) -> Mode | None:
        """Where a way back leads from ``phase``; None from the first one."""
        earlier = [Mode.PRIMARY_ONLY, *(step.to for step in self.steps)]
        return next((mode for mode in reversed(earlier) if is_before(mode, phase)), None)

    def addresses(self, agent: str) -> list[AdminAddress]:
        """How each proxy is reached. Raises ``PlanError`` when a file that the plan names cannot be used."""
        token = os.environ.get(TOKEN_VARIABLE)
        if self.token_file is not None:
            try:
                token = self.token_file.read_text(encoding="ascii", errors="replace").strip()
            except OSError as error:
                raise PlanError([f"token_file: {self.token_file}: {error.strerror}"]) from None
        tls = None
        if any(url.startswith("https:") for url in self.proxies):
            try:
                tls = tls_context(self.ca_file, self.cert_file, self.key_file)
            except OSError as error:
                raise PlanError(
                    [f"ca_file, cert_file, key_file: cannot be used: {error.strerror or error}"]
                ) from None
        return [AdminAddress(url, token, tls, self.timeout, agent) for url in self.proxies]


def load_plan(path: Path) -> Plan:
    """The plan in a YAML file; its paths are relative to the file. Raises ``PlanError``."""
    try:
        document, lines = read_document(path)
    except DocumentError as error:
        raise PlanError([f"{path}: {problem}" for problem in error.problems]) from None
    try:
        plan = Plan.model_validate(document)
    except ValidationError as error:
        raise PlanError([_problem(details, path, lines) for details in error.errors()]) from None
    files = {
        name: path.parent / value
        for name in ("token_file", "ca_file", "cert_file", "key_file", "journal")
        if (value := getattr(plan, name)) is not None
    }
    return plan.model_copy(update=files)


def _problem(details: ErrorDetails, path: Path, lines: Mapping[str, int]) -> str:
    keys = [""]
    for part in details["loc"]:
        keys.append(f"{keys[-1]}[{part}]" if isinstance(part, int) else f"{keys[-1]}.{part}".lstrip("."))
    # A key that is lacking is told of with the line of what it should stand in.
    line = next((lines[key] for key in reversed(keys) if key in lines), 1)
    what = _what(details, str(details["loc"][-1]) if details["loc"] else "")
    return f"{path}: line {line}: {keys[-1]}: {what}" if keys[-1] else f"{path}: {what}"


_KEYS: Final = sorted({*Plan.model_fields, *Step.model_fields, *Conditions.model_fields})


def _what(details: ErrorDetails, key: str) -> str:
    match details["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            near = difflib.get_close_matches(key, _KEYS, n=1)
            return "is not a known key" + (f", did you mean {near[0]}?" if near else "")
        case "bool_type":
            return "must be true or false"
        case "int_type":
            return "must be a whole number"
        case "tuple_type":
            return "must be a list"
        case "model_type" | "model_attributes_type":
            return "must be a mapping of keys"
        case "too_short":
            return "must not be empty"
        case _:
            message = details["msg"].removeprefix("Value error, ")
            return message[:1].lower() + message[1:]
