"""A process that is killed at any moment has lost nothing that it was told is stored."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cqlproxy.cluster.side import Side
from tests.unit.journal.journals import everything, on_loop, opened

WRITER = Path(__file__).with_name("written_until_killed.py")
ROOT = Path(__file__).parents[3]


def run_and_kill(path: Path, first: int, told: Path, seconds: float) -> dict[str, set[int]]:
    """What the process told, by word."""
    with told.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, WRITER, path, str(first)], stdout=output, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
        )
        try:
            give_up = time.monotonic() + 30
            while b"gone" not in told.read_bytes():
                assert process.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.001)
            time.sleep(seconds)
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
    heard: dict[str, set[int]] = {"stored": set(), "ending": set(), "gone": set(), "begun": set()}
    # The last line may be cut; it is then not known to have been told.
    for line in told.read_text().split("\n")[:-1]:
        word, number = line.split()
        heard[word].add(int(number))
    return heard


@pytest.mark.parametrize("seed", range(4))
@on_loop
async def test_what_is_stored_survives_a_kill(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    moments = random.Random(seed)
    for run in range(3):
        first = run * 10_000_000
        heard = run_and_kill(path, first, tmp_path / f"told-{run}", moments.uniform(0, 0.3))
        assert heard["stored"]
        async with opened(path) as journal:
            assert journal.opened.moved_aside is None
            found = await everything(journal, Side.SHADOW)
            began = {}
            for copy in found:
                text, _, padding = copy.record.partition(b" ")
                number = int(text)
                assert len(padding) == number % 500
                assert number not in began
                began[number] = copy.began
            assert heard["stored"] - heard["ending"] <= set(began)
            assert not heard["gone"] & set(began)
            assert all(began[number] for number in heard["begun"] & set(began))
            # What had been spilled before a copy was stored is there as well.
            latest = max(heard["stored"])
            spilled = {number for number in range(first + 1, latest) if number % 4 == 1}
            assert spilled <= set(began)
            for copy in found:
                copy.entry.settle()
