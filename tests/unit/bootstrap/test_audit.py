"""What pip-audit says is told apart: nothing known, something known, not asked."""

import json
from pathlib import Path

import pytest

from bootstrap.audit import audit

VULNERABLE = {
    "name": "click",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"], "description": "bad"}],
}
SOUND = {"name": "click", "version": "1.1", "vulns": []}
UNKNOWN = {"name": "click", "skip_reason": "Dependency not found"}


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "project.txt"
    path.write_text("# made\nclick==1.0 \\\n    --hash=sha256:00\nlz4==2 \\\n    --hash=sha256:00\n")
    return path


def auditor(folder: Path, *says: object, status: int = 0) -> Path:
    """A program that takes pip-audit's arguments and says these things, one each time; None: it fails."""
    for number, said in enumerate(says):
        if said is not None:
            (folder / f"said-{number}").write_text(json.dumps({"dependencies": said, "fixes": []}))
    program = folder / "pip-audit"
    program.write_text(
        "#!/bin/sh\n"
        f"cd {folder}\n"
        "number=$(cat count 2>/dev/null || echo 0); echo $((number + 1)) > count\n"
        "for output; do :; done\n"
        f'test -f said-$number && cp said-$number "$output"; exit {status}\n'
    )
    program.chmod(0o755)
    return program


def asked(folder: Path) -> int:
    return int((folder / "count").read_text())


def test_nothing_is_known(tmp_path: Path, requirements: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(auditor(tmp_path, [SOUND], [SOUND, SOUND]), requirements) == 0
    assert "no known vulnerability in 2 packages" in capsys.readouterr().err


def test_a_vulnerability_is_a_failure(
    tmp_path: Path, requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(auditor(tmp_path, [SOUND], [SOUND, VULNERABLE], status=1), requirements) == 1
    assert "click 1.0: PYSEC-1, mended in 1.1" in capsys.readouterr().err


@pytest.mark.parametrize("accepted", ["PYSEC-1", "CVE-1"])
def test_what_does_not_concern_the_project_is_none(accepted: str, tmp_path: Path, requirements: Path) -> None:
    program = auditor(tmp_path, [SOUND], [VULNERABLE], status=1)
    assert audit(program, requirements, {accepted: "we do not use it"}) == 0


@pytest.mark.parametrize("says", [None, [UNKNOWN]], ids=["no answer", "an index without advisories"])
def test_what_cannot_be_asked_is_said_and_no_failure(
    says: object, tmp_path: Path, requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(auditor(tmp_path, says, status=1), requirements) == 0
    assert "NOT DONE" in capsys.readouterr().err
    assert asked(tmp_path) == 1


def test_a_package_of_which_nothing_is_known_is_named(
    tmp_path: Path, requirements: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(auditor(tmp_path, [SOUND], [SOUND, {**UNKNOWN, "name": "lz4"}]), requirements) == 0
    assert "nothing is known of lz4" in capsys.readouterr().err
