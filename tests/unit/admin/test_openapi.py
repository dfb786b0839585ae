"""The document of the API is valid, tells of every call, and has a page that needs nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from openapi_spec_validator import validate
from pydantic import SecretStr
from starlette.routing import Route

from cqlproxy.admin.endpoints import application
from cqlproxy.admin.page_endpoints import PAGE_FILES
from cqlproxy.admin.reference import reference
from tests.unit.admin.asking import Ask, Proxy, with_server
from tests.unit.admin.contract import api

ROOT = Path(__file__).parents[3]
TOKEN = "correct-horse-battery-staple"


def test_the_document_is_valid() -> None:
    validate(api())


def test_the_page_of_the_reference_is_up_to_date() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    assert page == reference(), "run: python -m cqlproxy.admin.reference > docs/api.md"


def test_every_route_is_in_it() -> None:
    found = application(Proxy()).routes
    routes = {re.sub(r":\w+", "", route.path) for route in found if isinstance(route, Route)}
    assert len(routes) == len(found)
    assert routes - set(api()["paths"]) == {"/openapi.json", "/docs", *PAGE_FILES}
    assert set(api()["paths"]) <= routes


def test_it_is_served_without_a_token_and_so_is_its_page() -> None:
    async def scenario(ask: Ask) -> None:
        for _ in range(2):
            served = await ask("/openapi.json")
            assert (served.status, served.json) == (200, api())
        page = await ask("/docs")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        text = page.body.decode()
        assert not re.search(r"https?:|//[a-z]|@import|src=", text), "it needs something from elsewhere"
        policy = page.headers["content-security-policy"]
        for kind in ("script", "style"):
            (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy

    with_server(Proxy(), scenario, lambda: SecretStr(TOKEN))


def test_every_call_says_what_it_is_and_who_may_make_it() -> None:
    calls = [
        (path, method, call) for path, methods in api()["paths"].items() for method, call in methods.items()
    ]
    assert len(calls) >= 22
    assert len({call["operationId"] for _, _, call in calls}) == len(calls)
    for path, method, call in calls:
        assert call["summary"], (path, method)
        assert (call["security"] == []) == (path in ("/health", "/ready"))
        assert ("422" in call["responses"]) == ("requestBody" in call or "in=query" in _places(call))


def _places(call: dict[str, list[dict[str, object]]]) -> str:
    return " ".join(f"in={parameter['in']}" for parameter in call.get("parameters", []))


def test_stats_have_the_figures_that_are_promised() -> None:
    promised = (
        "total_writes successful_writes failed_writes filtered_writes mirrored_writes dropped_writes"
        " retried_writes dead_letters queue_depth journal_depth mirror_lag_seconds mode uptime_seconds"
    )
    assert set(promised.split()) <= set(api()["components"]["schemas"]["Stats"]["required"])

    async def scenario(ask: Ask) -> None:
        status = (await ask("/status")).json
        assert isinstance(status, dict)
        assert set(promised.split()) - {"mode", "uptime_seconds"} <= set(status["totals"])
        assert json.dumps(status)

    with_server(Proxy(), scenario)
