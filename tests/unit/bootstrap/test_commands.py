"""Commands that set things up say nothing when they succeed and what is needed when they fail."""

import sys

import pytest

from bootstrap.commands import BootstrapError, run


def test_success_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    run([sys.executable, "-c", "print('noise')"], purpose="try")
    assert capfd.readouterr() == ("", "")


def test_failure_shows_purpose_status_and_output_without_addresses() -> None:
    program = "import sys; print('cannot reach https://user:secret@packages.example/simple now'); sys.exit(3)"
    with pytest.raises(BootstrapError) as caught:
        run([sys.executable, "-c", program], purpose="install Python packages")
    message = str(caught.value)
    assert "could not install Python packages" in message
    assert "ended with 3" in message
    assert "cannot reach <address> now" in message
    assert "secret" not in message


def test_a_missing_program_is_named() -> None:
    with pytest.raises(BootstrapError, match="could not fetch it: no-such-program: No such file"):
        run(["no-such-program"], purpose="fetch it")
