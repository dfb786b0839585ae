"""The Dockerfile as its instructions, and those of its build done in a folder of this machine."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bootstrap.environments import CHECKOUT


class Instruction(NamedTuple):
    """One instruction: its name in capitals, and the rest with its continued lines joined."""

    name: str
    rest: str


class BuildError(Exception):
    """A RUN that failed, with what it said."""


class Dockerfile:
    """The instructions of a file at the root of the checkout."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text()
        self.instructions = tuple(_instructions(self.text))
        self._ignored = (path.parent / ".dockerignore").read_text().split("\n")

    def last(self, name: str) -> str:
        """The rest of the last instruction of a name, which counts."""
        return [instruction.rest for instruction in self.instructions if instruction.name == name][-1]

    @property
    def copied(self) -> list[str]:
        """What is copied from the checkout."""
        return [
            source
            for instruction in self.instructions
            if instruction.name == "COPY" and "--from" not in instruction.rest
            for source in instruction.rest.split()[:-1]
        ]

    def is_sent(self, path: str) -> bool:
        """Whether the engine is given a path, by .dockerignore: the last line that matches counts."""
        sent = True
        for line in self._ignored:
            pattern = line.removeprefix("!")
            if pattern and not line.startswith("#") and fnmatch.fnmatchcase(path, pattern):
                sent = line.startswith("!")
        return sent

    def build(self, root: Path) -> Path:
        """Do the first stage below `root` instead of /, as it stands; returns what the second takes from it.

        Of ENV only what tells pip to keep nothing is left out, so that what was fetched before is not again.
        """
        folder, environment = root, {**os.environ}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        stage = 0
        for name, rest in self.instructions:
            if name == "FROM":
                stage += 1
            elif stage > 1 and name == "COPY" and "--from=build" in rest:
                return root / rest.split()[-1].lstrip("/")
            elif stage == 1:
                folder = self._do(name, rest, root, folder, environment)
        raise BuildError("nothing is taken from the build")

    def _do(self, name: str, rest: str, root: Path, folder: Path, environment: dict[str, str]) -> Path:
        if name == "WORKDIR":
            folder = root / rest.lstrip("/")
            folder.mkdir(parents=True)
        elif name == "ENV":
            given = dict(word.split("=", 1) for word in shlex.split(rest))
            environment |= {key: value for key, value in given.items() if key != "PIP_NO_CACHE_DIR"}
        elif name == "COPY":
            *sources, target = rest.split()
            _copy(sources, folder / target, several=target.endswith("/"))
        elif name == "RUN":
            done = subprocess.run(
                ["/bin/sh", "-c", re.sub(r"(?<=\s)/(opt|wheel)\b", rf"{root}/\1", f" {rest}")],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise BuildError(f"{rest}\n{done.stdout}{done.stderr}")
        return folder


def _copy(sources: list[str], target: Path, *, several: bool) -> None:
    for source in sources:
        path = CHECKOUT / source
        place = target / path.name if several else target
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, place)


def _instructions(text: str) -> Iterator[Instruction]:
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in kept.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield Instruction(name.upper(), " ".join(rest.split()))
