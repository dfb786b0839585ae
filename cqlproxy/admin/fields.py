"""Types of fields that several requests have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cqlproxy.admin.problems import Must

MAX_NAME = 200
"""The longest name of somebody, in characters."""


def _on_one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not printable")
    return text


Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
"""Text that is not blank."""

Name = Annotated[Text, Field(max_length=MAX_NAME), AfterValidator(_on_one_line)]
"""Who asks, or what for: a short text on one line."""

NAME = Must(f"be one line of at most {MAX_NAME} printable characters")
"""For the annotation of a field that is a ``Name``."""

By = Annotated[
    Name | None,
    NAME,
    Field(description="Who asks, for the log and for those who look later; else the address."),
]

Target = Annotated[
    Literal["primary", "shadow"] | None,
    Must("be one of primary, shadow"),
    Field(description="The cluster that the copies are for; left out: both."),
]
