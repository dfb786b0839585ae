"""When a client's test fails, its report ends with the ends of the logs of nodes and proxies."""

from collections.abc import Generator

import pytest

from tests.drivers.servers import Servers


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs to the report of a failed test."""
    report = yield
    servers = item.funcargs.get("servers") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(servers, Servers):
        report.sections.append(("ends of the logs of nodes and proxies", servers.log_tail()))
    return report
