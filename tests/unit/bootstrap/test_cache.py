"""The cache never takes what is half made for whole, whatever happened to the one who made it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import cache

_MAKE_AND_HANG = """
import signal, sys
from bootstrap import cache

def make(place):
    (place / "half").write_text("made")
    print("half made", flush=True)
    signal.pause()

cache.made_once("thing", make)
"""

_MAKE_AND_COUNT = """
from bootstrap import cache

def make(place):
    with open(cache.root() / "makers", "a") as makers:
        makers.write("x")
    (place / "whole").touch()

assert (cache.made_once("thing", make) / "whole").exists()
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQLPROXY_CACHE", str(tmp_path / "cache"))


def _whole(place: Path) -> None:
    assert list(place.iterdir()) == []
    (place / "whole").write_text("made")


def _not_asked(place: Path) -> None:
    pytest.fail("made a second time")


def _directories() -> list[str]:
    return sorted(entry.name for entry in cache.root().iterdir() if entry.is_dir() and not entry.is_symlink())


def test_what_is_made_is_found_again() -> None:
    made = cache.made_once("thing", _whole)
    assert (made / "whole").read_text() == "made"
    assert cache.made_once("thing", _not_asked) == made


def test_an_error_leaves_nothing_behind() -> None:
    def fail(place: Path) -> None:
        (place / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.made_once("thing", fail)
    assert _directories() == []
    assert (cache.made_once("thing", _whole) / "whole").exists()


def test_a_maker_killed_in_the_middle_is_not_taken_for_done() -> None:
    maker = subprocess.Popen([sys.executable, "-c", _MAKE_AND_HANG], stdout=subprocess.PIPE)
    with maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == b"half made\n"
        maker.send_signal(signal.SIGKILL)
    assert len(_directories()) == 1

    made = cache.made_once("thing", _whole)

    assert os.listdir(made) == ["whole"]
    assert len(_directories()) == 1


def test_many_at_once_make_it_once() -> None:
    makers = [subprocess.Popen([sys.executable, "-c", _MAKE_AND_COUNT]) for _ in range(4)]
    assert [maker.wait() for maker in makers] == [0, 0, 0, 0]
    assert (cache.root() / "makers").read_text() == "x"
