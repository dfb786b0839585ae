"""``python -m bootstrap.audit``: are there known vulnerabilities in what the project runs on?

pip-audit asks the advisory service that it knows, for each version in the project's lock. Where that cannot
be reached, or does not know the packages, it is said so and is no failure: what is installed has been tested
and is held to the hashes of the lock. A vulnerability is a failure, unless it stands in `ACCEPTED`.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bootstrap import environments
from bootstrap.commands import BootstrapError, announce
from bootstrap.locks import lock

ACCEPTED: Final[Mapping[str, str]] = {}
"""Vulnerabilities that do not concern the project: why, by their id."""

_SECONDS: Final = 120
_SECONDS_PER_ANSWER: Final = 10

Audited = list[dict[str, object]]
"""What pip-audit says of each package: ``name``, and ``version`` and ``vulns``, or ``skip_reason``."""


def findings(audited: Audited, accepted: Mapping[str, str]) -> list[str]:
    """A line for each vulnerability that is not accepted."""
    found = []
    for package in audited:
        vulnerabilities = package.get("vulns", [])
        assert isinstance(vulnerabilities, list)
        for vulnerability in vulnerabilities:
            if vulnerability["id"] in accepted or set(vulnerability["aliases"]) & accepted.keys():
                continue
            mended = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            found.append(f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {mended}")
    return found


def skipped(audited: Audited) -> list[str]:
    """The packages of which nothing could be said."""
    return [str(package["name"]) for package in audited if "skip_reason" in package]


def ask(program: Path, requirements: Path) -> Audited | None:
    """What pip-audit says of all that a lock names; None when the service cannot be asked."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "audit.json"
        command: list[str | Path] = [
            *(program, "--progress-spinner", "off", "--timeout", str(_SECONDS_PER_ANSWER)),
            # The lock is whole: pip has nothing to find out, and nothing is fetched but advisories.
            *("--disable-pip", "--require-hashes", "--requirement", requirements),
            *("--format", "json", "--output", output),
        ]
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_SECONDS)
            said = json.loads(output.read_text())
        except (subprocess.TimeoutExpired, FileNotFoundError, ValueError):
            return None
    audited: Audited = said["dependencies"]
    return audited


def audit(program: Path, requirements: Path, accepted: Mapping[str, str] = ACCEPTED) -> int:
    """Say what was found; the exit status."""
    lines = requirements.read_text().splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if "==" in line]
    with tempfile.TemporaryDirectory() as folder:
        # The first alone: if the service knows nothing of it, it need not be asked of the others.
        first = Path(folder) / "first.txt"
        first.write_text("".join(lines[starts[0] : starts[1]]))
        audited = ask(program, first)
        if audited is not None and not skipped(audited):
            audited = ask(program, requirements)
    if audited is None or skipped(audited) == [str(package["name"]) for package in audited]:
        announce(
            "audit: NOT DONE, since the service of advisories cannot be reached from here; what is installed"
            f" is held to the versions and hashes of {requirements.name}"
        )
        return 0
    if found := findings(audited, accepted):
        announce("audit: known vulnerabilities\n  " + "\n  ".join(found))
        announce("make lock takes the newest versions; what does not concern us goes into bootstrap/audit.py")
        return 1
    unknown = f", nothing is known of {', '.join(names)}" if (names := skipped(audited)) else ""
    announce(f"audit: no known vulnerability in {len(audited)} packages{unknown}")
    return 0


def main() -> None:
    try:
        program = environments.tool("audit", "pip-audit")
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")
    sys.exit(audit(program, lock("project")))


if __name__ == "__main__":
    main()
