"""A configuration and the files that it names, checked before anything is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cqlproxy.cli.failures import refuse
from cqlproxy.config import Config, ConfigError, load_config
from cqlproxy.files_in_force import FileProblemsError
from cqlproxy.security_files import SecurityFiles
from filters import Rules, RulesError, load_rules


class Checked(NamedTuple):
    """A configuration that can be used, the rules and the files that it names."""

    config: Config
    rules: Rules
    files: SecurityFiles


class ConfigFileError(Exception):
    """They cannot be used; `lines` has one for each reason, with the file that it is in."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def check(path: Path) -> Checked:
    """Read the file and what it names. Raises ``ConfigFileError``."""
    try:
        config = load_config(path)
        rules = load_rules(config.filters.rules_file) if config.filters else Rules()
        return Checked(config, rules, SecurityFiles(config))
    except ConfigError as error:
        raise ConfigFileError(error.lines) from None
    except FileProblemsError as error:
        raise ConfigFileError([f"{path}: {problem}" for problem in error.problems]) from None
    except RulesError as error:
        raise ConfigFileError(list(error.problems)) from None


def checked(path: Path) -> Checked:
    """The same; ends the command with what is wrong."""
    try:
        return check(path)
    except ConfigFileError as error:
        refuse(error.lines)
