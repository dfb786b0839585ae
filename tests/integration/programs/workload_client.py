"""A client of ``workload.py``: values by chance, and statements made with them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from string import Template

from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType

Sent = tuple[object, object]
Kind = Callable[["Writer"], Sent]

_ROWS = 6
"""Rows of each partition."""
_LONG_AGO = 1_500_000_000_000_000
"""A write time, in microseconds, before those of any clock here."""


class Writer:
    """One client of many: its random generator and its keys. `number`: which of the `clients`, from 0."""

    def __init__(
        self, session: Session, keyspace: str, keys: int, seed: int, number: int, clients: int
    ) -> None:
        self._session = session
        self._keyspace = keyspace
        self._keys = keys
        self._number = number
        self._clients = clients
        self._random = random.Random(f"{seed} {number}")
        self._unique = number
        self._prepared: dict[str, object] = {}
        self.lists: dict[int, list[int]] = {}
        """What stands in the lists of its own keys."""

    def prepared(self, text: str) -> object:
        """`text`, prepared; ``$ks`` in it is the keyspace."""
        known = self._prepared.get(text)
        if known is None:
            known = self._prepared[text] = self._session.prepare(self.cql(text))
        return known

    def cql(self, text: str, **values: object) -> str:
        """`text` with its ``$names`` replaced."""
        return Template(text).substitute(values, ks=self._keyspace)

    def one_of(self, kinds: Sequence[str], weights: Sequence[int]) -> str:
        return self._random.choices(kinds, cum_weights=weights)[0]

    def value(self, name: str) -> object:
        """A value of the kind `name`: see `_values`; what begins with a capital is a literal of CQL."""
        return _values[name](self, self._random)

    def unique(self) -> int:
        """A number below 2^31 that no other call returns."""
        self._unique += self._clients
        return self._unique

    def own_key(self) -> int:
        """A key that no other client gets from this."""
        return self._random.randrange(self._keys // self._clients) * self._clients + self._number

    def any_key(self) -> int:
        return self._random.randrange(self._keys)


_WORDS = ("alpha", "beta", "gamma", "it's", "", "\u03bb", "delta")
_values: dict[str, Callable[[Writer, random.Random], object]] = {
    "k": lambda writer, _: writer.any_key(),
    "own": lambda writer, _: writer.own_key(),
    "c": lambda _, chance: chance.randrange(_ROWS),
    "low": lambda _, chance: chance.randrange(_ROWS // 2),
    "number": lambda _, chance: chance.randrange(1000),
    "few": lambda _, chance: chance.randrange(3),
    "unique": lambda writer, _: writer.unique(),
    "word": lambda _, chance: chance.choice(_WORDS),
    "Word": lambda _, chance: "'" + chance.choice(_WORDS).replace("'", "''") + "'",
    "name": lambda _, chance: chance.choice(("ann", "bob", "eve")),
    "Name": lambda _, chance: chance.choice(("'ann'", "'bob'", "'eve'")),
    "blob": lambda _, chance: chance.randbytes(20),
    "null": lambda _, __: None,
    "unset": lambda _, __: UNSET_VALUE,
    "earlier": lambda writer, _: _LONG_AGO + writer.unique(),
    # No test takes so long, and every test waits for the other.
    "long": lambda _, __: 100_000,
    "short": lambda _, __: 2,
    "words": lambda _, chance: set(chance.sample(_WORDS, 2)),
    "list": lambda _, chance: chance.sample(_WORDS, 3),
    "one": lambda writer, _: [writer.unique()],
    "map": lambda _, chance: {chance.choice(_WORDS): chance.randrange(1000) for _ in range(2)},
    "street": lambda _, chance: (chance.choice(_WORDS), chance.randrange(1000)),
    "streets": lambda _, chance: {chance.randrange(5): (chance.choice(_WORDS), chance.randrange(1000))},
    "pair": lambda _, chance: (chance.randrange(1000), chance.choice(_WORDS)),
    "json": lambda writer, chance: json.dumps(
        {"k": writer.any_key(), "c": chance.randrange(_ROWS), "v": chance.choice(_WORDS), "w": None}
    ),
}


def prepared(text: str, *names: str) -> Kind:
    """A prepared statement with values of these names in this order."""
    return lambda writer: (writer.prepared(text), [writer.value(name) for name in names])


def named(text: str, **names: str) -> Kind:
    """A prepared statement whose markers have names."""
    return lambda writer: (
        writer.prepared(text),
        {marker: writer.value(name) for marker, name in names.items()},
    )


def plain(text: str, **names: str) -> Kind:
    """A text with its values in it."""
    return lambda writer: (
        writer.cql(text, **{marker: writer.value(name) for marker, name in names.items()}),
        None,
    )


def batch(kind: BatchType, *parts: Kind) -> Kind:
    """A BATCH message of these statements, prepared ones and texts."""

    def made(writer: Writer) -> Sent:
        statement = BatchStatement(kind)
        for part in parts:
            statement.add(*part(writer))
        return statement, None

    return made
