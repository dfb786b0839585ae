"""One thing that was found."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """``serious``: a migration would fail or lose something by it; otherwise it is worth knowing.

    ``told`` is one line.
    """

    about: Literal["connection", "protocol", "clock", "schema", "permissions"]
    serious: bool
    told: str
