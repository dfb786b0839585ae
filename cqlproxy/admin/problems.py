"""What is wrong with a request, in words: by which fields, and what each of them must be.

pydantic finds it; the words are ours, the same for a body, for the query of a URL, and for every endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails


class FieldProblem(NamedTuple):
    """``field`` is a path such as ``mode`` or ``values.tags[2]``; None: the request as a whole."""

    field: str | None
    what: str


class RequestError(Exception):
    """A request that cannot be served: the HTTP status that answers it, and what is wrong."""

    def __init__(self, status: int, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{field or 'the request'}: {what}" for field, what in problems))
        self.status = status
        self.problems = tuple(problems)

    @classmethod
    def of(cls, status: int, field: str | None, what: str) -> RequestError:
        """One with a single problem."""
        return cls(status, [FieldProblem(field, what)])


@dataclass(frozen=True, slots=True)
class Must:
    """In the annotation of a field: what its values must do, for messages, such as ``be one of a, b``."""

    what: str


def problems_of(
    errors: Sequence[ErrorDetails], model: type[BaseModel], accepted: Sequence[str]
) -> list[FieldProblem]:
    """What pydantic has found, a line for each field. ``accepted`` are the names of the model's fields."""
    found: dict[str | None, str] = {}
    for error in errors:
        field, what = _problem(error, model, accepted)
        # What is wrong with a part of a field is told once, by the first of its alternatives.
        found.setdefault(field, what)
    return [FieldProblem(field, what) for field, what in found.items()]


def kind(value: object) -> str:
    """What a value of JSON is."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return "a number"


def _problem(error: ErrorDetails, model: type[BaseModel], accepted: Sequence[str]) -> FieldProblem:
    if not error["loc"]:
        # A judgement of the model on all of its fields: the message is its own.
        return FieldProblem(None, str(error.get("ctx", {}).get("error", error["msg"])))
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return FieldProblem(name, f"is not known (accepted here: {', '.join(accepted)})")
    return FieldProblem(name, _wrong(error, model.model_fields[name]))


def _wrong(error: ErrorDetails, field: FieldInfo) -> str:
    given = error["input"]
    if error["type"] == "missing" or (given is None and field.is_required()):
        return "is required"
    match error["type"]:
        case "string_type":
            return f"must be text, not {kind(given)}"
        case "string_pattern_mismatch" | "string_too_short":
            return "must not be empty"
        case "bool_type":
            return f"must be true or false, not {kind(given)}"
        case "dict_type":
            return f"must be an object, not {kind(given)}"
    must = next((marker.what for marker in field.metadata if isinstance(marker, Must)), None)
    return error["msg"] if must is None else f"must {must}"
