"""For all tests: a skipped test is a failed run, and properties run without a deadline on shared machines."""

from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("cqlproxy", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("cqlproxy")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure: what is not run proves nothing."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr}"
    return report
