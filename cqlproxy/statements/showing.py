"""A statement's text as a log may show it: without what clients may have put into it as a secret."""

from __future__ import annotations

import re
from typing import Final

_PASSWORD: Final = re.compile(r"password", re.IGNORECASE)
_LITERAL: Final = re.compile(r"'(?:[^']|'')*(?:'|\Z)|\$\$.*?(?:\$\$|\Z)", re.DOTALL)


def shown(text: str, length: int) -> str:
    """The first `length` characters of `text`, its string literals left out, and all after the word PASSWORD.

    It need not be a statement that anybody understands; so this looks for words, not for their meaning.
    """
    text = text[:length]
    found = _PASSWORD.search(text)
    if found is not None:
        text = f"{text[: found.end()]} ..."
    return _LITERAL.sub("'...'", text)
