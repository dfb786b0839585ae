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
from typing import Final

# Comments match outside the group, so that they are found as empty words.
_TOKEN: Final = re.compile(
    r"""
    [ \t\r\n]*+
    (?: (
      [(),;?={}\[\]:.]
    | [pP][0-9]{4}-[0-9]{2}-[0-9]{2}[tT][0-9]{2}:[0-9]{2}:[0-9]{2}
    | [g-zG-Z][A-Za-z0-9_]*+
    | [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}
    | [A-Za-z][A-Za-z0-9_]*+
    | '[^']*+(?:''[^']*+)*+(?:'|\Z)
    | [0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?[A-Za-z0-9_\u00b5\u03bc]*+
    | "[^"]*+(?:""[^"]*+)*+(?:"|\Z)
    | \$\$(?:[^$]++|\$(?!\$))*+(?:\$\$|\Z)
    | [-+<>!]=
    | /\*(?!(?:[^*]++|\*(?!/))*+\*/)[\s\S]*+
    | (?!--|//|/\*)[\s\S]
    | \Z
    )
    | (?:--|//)[^\r\n]*+
    | /\*(?:[^*]++|\*(?!/))*+\*/
    )
    """,
    re.VERBOSE,
)

_COMMENT: Final = re.compile(r"--|//|/\*")
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


def ends(text: str) -> list[int]:
    """Where each word of ``words(text)`` ends in the text; there are as many or more for its end."""
    offsets = map(re.Match.end, _TOKEN.finditer(text))
    if not _COMMENT.search(text):
        return list(offsets)
    return [end for end, word in zip(offsets, _TOKEN.findall(text), strict=True) if word]


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
