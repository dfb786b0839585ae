"""Whether the proxy's own account may do on a cluster what will be asked of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from cassandra import AuthenticationFailed, DriverException, RequestExecutionException

from cqlproxy.cluster.backend import Backend
from cqlproxy.preflight.finding import Finding

_NO_AUTHORIZER: Final = "AllowAllAuthorizer"
"""Named in the error of a cluster that lets everybody do everything."""


_PLAIN_NAME: Final = re.compile("[a-z][a-z0-9_]*")


class Grants(NamedTuple):
    """What an account may do: a superuser everything, another by permission and resource."""

    superuser: bool
    granted: frozenset[tuple[str, str]]
    """Such as ``("MODIFY", "<keyspace shop>")``: as LIST PERMISSIONS shows a resource."""

    def allows(self, permission: str, keyspace: str, table: str | None = None) -> bool:
        """Whether it has a permission for a table, or for a whole keyspace."""
        resources = ["<all keyspaces>", f"<keyspace {keyspace}>"]
        if table is not None:
            resources += [f"<all tables in {keyspace}>", f"<table {keyspace}.{table}>"]
        return self.superuser or any((permission, resource) in self.granted for resource in resources)


ALL: Final = Grants(True, frozenset())


class Needed(NamedTuple):
    """What is asked of an account: on tables ``permissions``, and on keyspaces those of ``schema``.

    ``tables`` are by keyspace. ``serious``: it is needed in the mode that the proxy starts with, or in the
    next ones; ``when`` says when it is.
    """

    tables: Mapping[str, list[str]]
    permissions: tuple[str, ...]
    schema: tuple[str, ...]
    serious: bool
    when: str


async def permission_findings(backend: Backend, account: str | None, needed: Needed) -> list[Finding]:
    """``account`` is the name of the proxy's; None where it has none, and needs none."""
    if account is None:
        return []
    try:
        grants = await _grants(backend, account)
    except (DriverException, RequestExecutionException, AuthenticationFailed) as error:
        told = f"what {account} may do on the {backend.name} cannot be told: {_one_line(error)}"
        return [Finding("permissions", False, told)]
    return list(missing(grants, backend.name, account, needed))


def missing(grants: Grants, cluster: str, account: str, needed: Needed) -> Iterable[Finding]:
    """A line for each keyspace, or for each table where some of its keyspace are granted."""
    for keyspace, tables in sorted(needed.tables.items()):
        lacking = {
            table: tuple(one for one in needed.permissions if not grants.allows(one, keyspace, table))
            for table in sorted(tables)
        }
        if len(set(lacking.values())) == 1:
            yield from _told(lacking[min(tables)], f"keyspace {_name(keyspace)}", cluster, account, needed)
        else:
            for table, permissions in lacking.items():
                yield from _told(
                    permissions, f"table {_name(keyspace)}.{_name(table)}", cluster, account, needed
                )
        schema = tuple(one for one in needed.schema if not grants.allows(one, keyspace))
        if schema:
            yield Finding(
                "permissions",
                False,
                f"{account} may not {_listed(schema)} in keyspace {keyspace} on the {cluster}, so that schema"
                " changes cannot be copied there: grant it, or set mirror.schema_changes: false",
            )


def _told(
    permissions: tuple[str, ...], what: str, cluster: str, account: str, needed: Needed
) -> Iterable[Finding]:
    if permissions:
        grants = "; ".join(f"GRANT {one} ON {what} TO {_name(account)}" for one in permissions)
        yield Finding(
            "permissions",
            needed.serious,
            f"{account} may not {_listed(permissions)} {what} on the {cluster}, which is needed"
            f" {needed.when}: {grants}",
        )


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


async def _grants(backend: Backend, account: str) -> Grants:
    role = account.replace("'", "''")
    try:
        listed: list[Any] = await backend.rows(f"LIST ALL PERMISSIONS OF '{role}'")
    except (DriverException, RequestExecutionException) as error:
        if _NO_AUTHORIZER in str(error):
            return ALL
        raise
    # With the roles that were granted to it, from which it has what they may do.
    roles: list[Any] = await backend.rows(f"LIST ROLES OF '{role}'")
    return Grants(
        any(row.super for row in roles), frozenset((row.permission, row.resource) for row in listed)
    )


def _name(name: str) -> str:
    """A name as CQL writes it."""
    return name if _PLAIN_NAME.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
