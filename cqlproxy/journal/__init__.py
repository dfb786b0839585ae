"""Copies and dead letters on disk: SQLite in WAL mode on a thread of its own."""

from cqlproxy.journal.changes import OnDropped
from cqlproxy.journal.errors import JournalError
from cqlproxy.journal.journal import Journal, Opened, WhenFull
from cqlproxy.journal.letter_box import LetterBox
from cqlproxy.journal.letters import DeadLetter, Json, Reason
from cqlproxy.journal.rows import Entry, Stored

__all__ = [
    "DeadLetter",
    "Entry",
    "Journal",
    "JournalError",
    "Json",
    "LetterBox",
    "OnDropped",
    "Opened",
    "Reason",
    "Stored",
    "WhenFull",
]
