"""The mode of a running proxy, asked for and changed as an operator would: over HTTP."""

import http.client
import json

from tests.nodes import ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

_TIMEOUT = 30.0
_ATTEMPTS = 5


def switch(proxy: ProxyProcess, mode: str, *, force: bool = False) -> dict[str, object]:
    """Change the mode; what ``POST /config/mode`` says.

    On a machine that is busy with more than this, a copy may be late for the moment that clients stand
    still: then the switch is asked for again, as its refusal says.
    """
    for _ in range(_ATTEMPTS):
        status, said = ask_to_switch(proxy, mode, force=force)
        if "try again" not in str(said.get("error")):
            break
    assert status == http.HTTPStatus.OK, said
    return said


def ask_to_switch(proxy: ProxyProcess, mode: str, *, force: bool = False) -> tuple[int, dict[str, object]]:
    """Status and answer of ``POST /config/mode``."""
    connection = http.client.HTTPConnection(proxy.address, ADMIN_PORT, timeout=_TIMEOUT)
    try:
        wish = json.dumps({"mode": mode, "force": force, "by": "a test"})
        connection.request("POST", "/config/mode", wish, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said: dict[str, object] = json.loads(answer.read())
        return answer.status, said
    finally:
        connection.close()
