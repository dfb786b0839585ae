"""Logs in and runs statements, each as a text and prepared, and says what came of it.

Arguments: address, user, password, then the statements.
"""

import json
import sys

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable


def main(address: str, username: str, password: str, *statements: str) -> dict[str, object]:
    cluster = Cluster([address], auth_provider=PlainTextAuthProvider(username, password))
    try:
        session = cluster.connect()
    except NoHostAvailable as error:
        return {"refused": [str(reason) for reason in error.errors.values()]}
    outcomes: list[object] = []
    with cluster:
        for statement in statements:
            for prepared in (False, True):
                try:
                    rows = session.execute(session.prepare(statement) if prepared else statement)
                    outcomes.append([repr(row) for row in rows])
                except Exception as error:
                    outcomes.append(f"{type(error).__name__}: {error}")
    return {"outcomes": outcomes}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
