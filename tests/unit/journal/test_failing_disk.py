"""A disk that is full: the proxy lives, tells so once, counts what it loses, and recovers with the disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("write_to_a_full_disk.py")


def test_a_full_disk(tmp_path: Path) -> None:
    # In a process of its own: the limit would hold for all files of this one.
    run = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "journal.db"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "done\n"
    # Once for each time that the disk fails, however much is lost.
    assert run.stderr.count("ERROR the journal cannot be written") == 2
    assert run.stderr.count("WARNING the journal can be written again") == 1
    assert run.stderr.count("\n") == 3, run.stderr
