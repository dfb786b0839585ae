"""CQL text to words: the tokens of a statement as Cassandra 5 and ScyllaDB read them.

A word is the text of one token. Its first character tells its class, so that no token objects are
made: a letter or ``"`` starts a name or keyword, ``'`` and ``$$`` a string, a digit a number, blob or
duration, anything else is an operator; a word with ``-`` inside and 36 characters is a uuid, with fewer a
duration. The empty word stands for the end of the text.

``words`` is one pass of a compiled expression whose repetitions are possessive, so that its time is
linear in the length of any text.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

# What most words of dense texts are comes first, with all that can only be a word of one character. Nothing
# but a uuid needs more than a look at its first characters.
_WORD: Final = r"""
      [^A-Za-z0-9'"$/+<>!\ \t\r\n-]
    | [g-oq-zG-OQ-Z][A-Za-z0-9_]*+
    | [a-fA-F](?![0-9a-fA-F]{7}-)[A-Za-z0-9_]*+
    | [0-9]{1,7}+(?![0-9A-Za-z_.\u00b5\u03bc])
    | '[^']*+(?:''[^']*+)*+(?:'|\Z)
    | [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}
    | [pP][0-9]{4}-[0-9]{2}-[0-9]{2}[tT][0-9]{2}:[0-9]{2}:[0-9]{2}
    | [A-Za-z][A-Za-z0-9_]*+
    | [0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?[A-Za-z0-9_\u00b5\u03bc]*+
    | [+<>!]=?+
    | -(?!-)=?+
    | "[^"]*+(?:""[^"]*+)*+(?:"|\Z)
    | \$\$(?:[^$]++|\$(?!\$))*+(?:\$\$|\Z)
    | /\*(?!(?:[^*]++|\*(?!/))*+\*/)[\s\S]*+
    | (?!--|//|/\*)[\s\S]
"""
_COMMENT: Final = r"""
      (?:--|//)[^\r\n]*+
    | /\*(?:[^*]++|\*(?!/))*+\*/
"""
# Comments match outside the group, so that they are found as empty words.
_TOKEN: Final = re.compile(rf"[ \t\r\n]*+(?:({_WORD}|\Z)|{_COMMENT})", re.VERBOSE)

BLOCK: Final = 64
"""How many words ``ends`` finds the ends of at once."""

_BLANKS: Final = r"[ \t\r\n]*+"
_GAP: Final = rf"{_BLANKS}(?:(?:{_COMMENT}){_BLANKS})*+"
# By whether there are comments in the text: where there are none, it takes less not to look for them.
_NEXT: Final = [re.compile(rf"{gap}(?:{_WORD})", re.VERBOSE) for gap in (_BLANKS, _GAP)]
_BLOCK: Final = [re.compile(rf"(?:{gap}(?:{_WORD})){{{BLOCK}}}+", re.VERBOSE) for gap in (_BLANKS, _GAP)]

_OPENERS: Final = frozenset("'\"$/")

# Parsers look at most three words ahead, so they need no check against the end of the list.
_END: Final = ["", "", "", ""]


class UnparsableError(ValueError):
    """The text is not a statement that this package understands. Never leaves the package."""


def words(text: str) -> list[str]:
    """The words of a text, with at least four empty words at the end.

    Raises UnparsableError when a string, a quoted name or a comment is not closed.
    """
    found: list[str] = _TOKEN.findall(text)
    end = found.index("")
    if end < len(found) - 2:  # at its end the text matches at most twice: as blanks, then as nothing
        found = [word for word in found if word]
        end = len(found)
    if end and found[end - 1][0] in _OPENERS and _is_open(found[end - 1]):
        raise UnparsableError("a string, quoted name or comment has no end")
    found += _END
    return found


def has_comments(text: str) -> bool:
    """Whether there may be comments in a text; they may be inside a string."""
    return "--" in text or "//" in text or "/*" in text


def blocks(text: str, commented: bool) -> list[int]:
    """Where each block of ``BLOCK`` words of ``words(text)`` begins in the text."""
    return [0, *map(re.Match.end, _BLOCK[commented].finditer(text))]


def ends(text: str, start: int, commented: bool) -> list[int]:
    """Where the words of the block that begins at ``start`` end in the text."""
    return list(map(re.Match.end, islice(_NEXT[commented].finditer(text, start), BLOCK)))


def _is_open(word: str) -> bool:
    # What has no end reaches to the end of the text, so only the last word can be such a one.
    first = word[0]
    if first in "'\"":
        return word.count(first) % 2 == 1
    if first == "$":
        return word.startswith("$$") and (len(word) < 4 or not word.endswith("$$"))
    return word.startswith("/*")


def is_name(word: str) -> bool:
    """Whether a word can be a name: an identifier, a keyword or a quoted name."""
    first = word[:1]
    return first == '"' or (first.isalpha() and first.isascii() and "-" not in word)


def fold(name: str) -> str:
    """A name as CQL reads it: lower case unless quoted; of a quoted one what stands between the quotes.

    Raises UnparsableError when the word is not a name.
    """
    first = name[:1]
    if first == '"':
        return name[1:-1].replace('""', '"')
    if first.isalpha() and first.isascii() and "-" not in name:
        return name.lower()
    raise UnparsableError("a name was expected")


def unquote(string: str) -> str:
    """The value of a string word, ``'...'`` or ``$$...$$``."""
    if string[0] == "$":
        return string[2:-2]
    value = string[1:-1]
    return value.replace("''", "'") if "''" in value else value
