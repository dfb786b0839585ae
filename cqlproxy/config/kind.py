"""A kind of value in the configuration: how one is checked, and how JSON Schema and people are told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, eq=False)
class Kind:
    """Stands in ``Annotated[type, kind]``.

    ``check`` takes what YAML gave and returns the value that the program uses, or raises a ValueError that
    says what was found and what is accepted. ``schema`` is the JSON Schema of what may be written, ``words``
    the same for people.
    """

    check: Callable[[object], object]
    schema: Mapping[str, object]
    words: str

    @property
    def is_text(self) -> bool:
        """Whether what is written is a text, whatever else it looks like."""
        return self.schema.get("type") == "string" or "enum" in self.schema

    @property
    def is_list(self) -> bool:
        """Whether what is written is a list."""
        return self.schema.get("type") == "array"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))
