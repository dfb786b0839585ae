"""A value in JSON that is none of the type that it is meant for."""

from __future__ import annotations


class UnfitError(Exception):
    """``field`` is the path of the value, such as ``values.tags[2]``; ``what`` says what it must be."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field}: {what}")
        self.field = field
        self.what = what


def shown(value: object) -> str:
    """A value as a message quotes it: on one line and short."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case list():
            return "an array"
        case dict():
            return "an object"
        case str():
            text = repr(value)
        case _:
            text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
