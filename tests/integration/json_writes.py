"""Writes in JSON to a running proxy, as a program without a driver makes them: by ``POST /write``."""

import http.client
import json
from decimal import Decimal
from typing import cast

from tests.nodes import ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

_TIMEOUT = 30.0


def post(proxy: ProxyProcess, path: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
    """Status and answer of a call with this body. A ``Decimal`` in it is a number with its digits."""
    connection = http.client.HTTPConnection(proxy.address, ADMIN_PORT, timeout=_TIMEOUT)
    try:
        connection.request("POST", path, _body(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, cast("dict[str, object]", json.loads(answer.read()))
    finally:
        connection.close()


def write(proxy: ProxyProcess, table: str, query: str, values: object, **more: object) -> dict[str, object]:
    """What is said to a write, which must be well formed. ``table`` is with its keyspace."""
    keyspace, _, name = table.partition(".")
    body = {"keyspace": keyspace, "table": name, "query": query, "values": values, **more}
    status, said = post(proxy, "/write", body)
    assert status == http.HTTPStatus.OK, (query, values, said)
    return said


def _body(value: object) -> str:
    """JSON in which a ``Decimal`` is a number with all its digits."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)}: {_body(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_body, value)) + "]"
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value)
