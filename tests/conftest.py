"""For all tests: a skipped test is a failed run, and properties run without a deadline on shared machines.

What tests of manifests need is made by Go, which takes minutes the first time: beside the other tests, from
the start of the run.
"""

import os
import signal
import subprocess
import sys
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


_making_tools = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to make the tools of tests that are to be run, at the lowest priority."""
    if any({"k8s", "test_pods.py"} & set(item.path.parts) for item in session.items):
        session.stash[_making_tools] = subprocess.Popen(
            ["nice", "-n", "19", sys.executable, "-m", "bootstrap.go_tools"],
            stdout=subprocess.DEVNULL,
            # What is wrong is said by the first test that asks for a tool.
            stderr=subprocess.DEVNULL,
            process_group=0,
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that ends early leaves nothing running."""
    making = session.stash.get(_making_tools, None)
    if making is not None and making.poll() is None:
        os.killpg(making.pid, signal.SIGTERM)
        making.wait()
