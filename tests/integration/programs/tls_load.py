"""An application under load by TLS: requests without a pause on one connection, new connections beside it.

Arguments: address, port, authority file, certificate, key, seconds. Each new connection makes requests too,
and uses a keyspace, for which the proxy opens connections of its own. Prints one JSON object: how many
requests there were, the errors, and the serial numbers of the certificates that the proxy showed.
"""

import json
import socket
import ssl
import sys
import time

from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args

KEYSPACES = ("system", "system_schema", "system_traces", "system_auth", "system_distributed")


def main(host: str, port: int, authority: str, certificate: str, key: str, seconds: float) -> None:
    errors: list[str] = []
    serials: list[str] = []
    requests = 0
    rounds = 0

    def context() -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=authority)
        try:
            made.load_cert_chain(certificate, key)
        except ssl.SSLError:
            return context()  # between the replacement of the one file and that of the other
        return made

    until = time.monotonic() + seconds
    with Cluster([host], port=port, ssl_context=context()) as cluster:
        session = cluster.connect()
        read = session.prepare("SELECT key FROM system.local WHERE key = ?")
        while time.monotonic() < until:
            for ok, result in execute_concurrent_with_args(
                session, read, [("local",)] * 200, raise_on_first_error=False
            ):
                requests += 1
                if not ok:
                    errors.append(repr(result))
            made = context()
            with (
                socket.create_connection((host, port)) as plain,
                made.wrap_socket(plain, server_hostname=host) as secured,
            ):
                serials.append(str((secured.getpeercert() or {})["serialNumber"]))
            try:
                with Cluster([host], port=port, ssl_context=made) as other:
                    fresh = other.connect(KEYSPACES[rounds % len(KEYSPACES)])
                    fresh.execute("SELECT key FROM system.local")
                    requests += 1
            except Exception as error:
                errors.append(repr(error))
            rounds += 1
    print(json.dumps({"requests": requests, "rounds": rounds, "errors": errors, "serials": serials}))


if __name__ == "__main__":
    main(*(kind(value) for kind, value in zip((str, int, str, str, str, float), sys.argv[1:], strict=True)))
