"""The configuration as a whole: read from its file and the environment, with one clear line for each problem.

`load_config` gives a `Config` that is whole and consistent, or a `ConfigError` with every problem found.
Nothing here opens a connection or resolves a name: a file is judged by its text alone.
`model` has the keys; config/proxy.yaml explains each to the operator.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cqlproxy.config.clashes import clashes
from cqlproxy.config.environment import EnvironmentProblemsError, add_environment
from cqlproxy.config.keys import unknown_key
from cqlproxy.config.model import Config
from cqlproxy.modes import SPELLINGS, Mode
from cqlproxy.yaml_document import DocumentError, read_document

_REQUIRED: Final = {
    "primary": "a mapping with at least contact_points",
    "contact_points": "a list of hosts, such as [127.0.0.1]",
    "mode": f"one of {', '.join(Mode)}",
    "rules_file": "the path of a file",
    "cert_file": "the path of a PEM file",
    "key_file": "the path of a PEM file",
}


class ConfigError(Exception):
    """The configuration cannot be used.

    `problems` has a line, ``path.to.key: what is wrong``, per reason; `lines` has the same with the place
    before it: the file and its line, or the environment variable.
    """

    def __init__(self, problems: list[str], lines: list[str] | None = None) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.lines = problems if lines is None else lines


def load_config(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check the file at `path`, and what `environment` sets beside it.

    Raises ConfigError with every problem that was found.
    """
    try:
        document, lines = read_document(path)
    except DocumentError as error:
        raise ConfigError(error.problems, [f"{path}: {problem}" for problem in error.problems]) from None
    try:
        variables = add_environment(document, environment)
    except EnvironmentProblemsError as error:
        raise ConfigError(error.problems) from None
    problems = _lacking_shadow(document)
    # Left out, it has paths all the same, and those are beside the file.
    document.setdefault("mirror", {})
    try:
        config = Config.model_validate(document, context={"folder": path.absolute().parent})
    except ValidationError as error:
        problems = [_problem(details) for details in error.errors()] + problems
    else:
        problems += clashes(config, path.absolute())
    if problems:
        raise ConfigError(problems, [_placed(problem, path, lines, variables) for problem in problems])
    return config


def changed_config(config: Config, changes: Mapping[str, object], file: Path) -> Config:
    """`config`, which was read from `file`, with other values; `changes` has them by the path of their key.

    Raises ConfigError with every problem that was found.
    """
    document = config.model_dump(exclude_none=True)
    for path, value in changes.items():
        *sections, name = path.split(".")
        inner = document
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    try:
        changed = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError([_problem(details) for details in error.errors()]) from None
    if problems := _lacking_shadow(document) + clashes(changed, file.absolute()):
        raise ConfigError(problems)
    return changed


def _lacking_shadow(document: dict[str, object]) -> list[str]:
    """Judged on the document, so that it is reported together with what else is wrong."""
    written = document.get("mode")
    mode = SPELLINGS.get(written) if isinstance(written, str) else None
    if "shadow" in document or mode is None or not mode.uses_shadow:
        return []
    return [f"shadow: is required in mode {mode} (a mapping with at least contact_points)"]


def _problem(details: ErrorDetails) -> str:
    last = details["loc"][-1]
    if details["type"] == "extra_forbidden":
        what = unknown_key(_path(details["loc"]))
    elif details["type"] == "missing":
        what = f"is required ({_REQUIRED[str(last)]})"
    else:
        what = str(details["ctx"]["error"])
    return f"{_path(details['loc'])}: {what}"


def _path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _placed(problem: str, file: Path, lines: Mapping[str, int], variables: Mapping[str, str]) -> str:
    """A problem with the place of its key before it, or of the section that the key is missing in."""
    key = problem.partition(": ")[0]
    while key:
        if (variable := variables.get(key)) is not None:
            return f"{variable}: {problem}"
        if (line := lines.get(key)) is not None:
            return f"{file}:{line}: {problem}"
        shorter = key.rpartition("[")[0] or key.rpartition(".")[0]
        key = shorter if len(shorter) < len(key) else ""
    return f"{file}: {problem}"
