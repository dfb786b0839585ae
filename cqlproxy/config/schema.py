"""The JSON Schema of the configuration file, so that editors complete and explain its keys.

What each key means is written below it in the model, and read from there when the schema is asked for: a
proxy that starts does not pay for it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from typing import Final

from cqlproxy.config.keys import Key, keys
from cqlproxy.config.model import Config
from cqlproxy.config.section import Section
from cqlproxy.config.values import readable_size

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, object]:
    """A JSON Schema (draft 2020-12) that a configuration file satisfies which is whole by itself.

    What the environment adds is not in it, nor what keys say of each other: `cqlproxy check-config` looks.
    """
    return {
        "$schema": DIALECT,
        "title": "The configuration of cqlproxy",
        **_of_section(Config, ""),
    }


def meaning(key: Key) -> str:
    """What a key is for: the text below it in the model, on one line."""
    for owner in key.owner.__mro__:
        if issubclass(owner, Section) and (found := _texts(owner).get(key.name)):
            return found
    assert key.section is not None, f"{key.path} is not explained"
    return " ".join((key.section.__doc__ or "").split())


def _of_section(section: type[Section], above: str) -> dict[str, object]:
    below = {name: keys()[f"{above}{name}"] for name in section.model_fields}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, key in below.items() if key.field.is_required()],
        "properties": {name: _of_key(key) for name, key in below.items()},
    }


def _of_key(key: Key) -> dict[str, object]:
    words = [meaning(key).replace("``", "`")]
    if key.is_changeable:
        words.append("Can be changed while the proxy runs.")
    if key.section is not None:
        return {"description": " ".join(words), **_of_section(key.section, f"{key.path}.")}
    assert key.kind is not None
    words.insert(1, f"{key.kind.words[0].upper()}{key.kind.words[1:]}.")
    found: dict[str, object] = {"description": " ".join(words), **key.kind.schema}
    if not key.field.is_required() and key.field.default is not None:
        found["default"] = default(key)
    return found


def default(key: Key) -> object:
    """What a key is when it is left out, as it would be written; None for nothing, and of what has none."""
    if key.kind is None or key.field.is_required():
        return None
    value = key.field.default
    if "anyOf" in key.kind.schema:
        return readable_size(value).replace(" ", "")
    return value if value is None or isinstance(value, bool | int | float) else str(value)


@cache
def _texts(section: type[Section]) -> dict[str, str]:
    """The text below each field of a class, as it stands in the source."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = " ".join(text.value.value.split())
    return found
