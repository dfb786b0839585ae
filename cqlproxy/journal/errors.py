"""What can go wrong with the journal in a way that somebody has to act on."""

from __future__ import annotations


class JournalError(Exception):
    """The journal cannot be used as asked. The message names the file and says what to do."""
