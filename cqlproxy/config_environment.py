"""Accounts from the environment: what an orchestrator gives there counts instead of the configuration's."""

from __future__ import annotations

from collections.abc import Mapping

_KEYS = ("username", "password", "password_file")


def variable(section: str, key: str) -> str:
    """The environment variable that stands for a key of `primary` or `shadow`."""
    return f"CQLPROXY_{section}_{key}".upper()


def add_accounts(document: dict[str, object], environment: Mapping[str, str]) -> None:
    """Put the accounts of `environment` into the sections of `document` that are there.

    A password there, or the file of one, takes the place of both keys in the document.
    """
    for name in ("primary", "shadow"):
        section = document.get(name)
        if not isinstance(section, dict):
            continue
        given = {key: environment[var] for key in _KEYS if (var := variable(name, key)) in environment}
        if "password" in given or "password_file" in given:
            section.pop("password", None)
            section.pop("password_file", None)
        section.update(given)
