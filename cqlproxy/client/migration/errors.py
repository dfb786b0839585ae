"""Why a migration does not go on."""

from __future__ import annotations


class MigrationError(Exception):
    """The root of them. The modes of the proxies are as they were; the message says what to do."""


class ForeignSwitchError(MigrationError):
    """Somebody else has switched a proxy since this migration last did."""


class JournalError(MigrationError):
    """The journal of what was done cannot be used."""


class WouldLoseError(MigrationError):
    """A way back after which the cluster that answers lacks writes."""


class NotConfirmedError(MigrationError):
    """A step waits for somebody's yes, and nobody is there who could give it."""


class NoSuchStepError(MigrationError):
    """There is nothing behind the first phase, or the plan does not lead to where it was asked to go."""
