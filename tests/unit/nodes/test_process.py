"""A guarded process has its signals, its readiness and its end reported, and never outlives its starter."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nodes import GuardedProcess, ProcessError

_SLEEP = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
_STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    "while True: signal.pause()",
]
_LATE = [
    sys.executable,
    "-c",
    "import signal, socket, sys\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); print('up', flush=True)\n"
    "signal.sigwait([signal.SIGUSR1])\n"
    "listening = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "signal.pause()",
]
"""Says that it is up, and listens on the port that it is given once it has had SIGUSR1."""

_STARTER = """
import signal, sys
from pathlib import Path
from tests.nodes import GuardedProcess

place = Path(sys.argv[1])
program = "import signal; print('up', flush=True); signal.pause()"
process = GuardedProcess(
    "child", [sys.executable, "-c", program], log=place / "log", ready_text="up", remove=place
)
process.wait_ready(30)
if sys.argv[2] == "paused":
    process.send(signal.SIGSTOP)
print(process.pid, process._supervisor.pid, flush=True)
signal.pause()
"""


def _state(pid: int) -> str:
    """The letter of /proc/PID/stat."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _wait_gone(*pids: int) -> None:
    """Wait for the end of processes that need not be our children."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([handle], [], [], 10)
        os.close(handle)
        assert ended, f"process {pid} still runs"


def test_ready_is_awaited_and_the_log_kept(tmp_path: Path) -> None:
    process = GuardedProcess("sleeper", _SLEEP, log=tmp_path / "log", ready_text="up")
    process.wait_ready(30)
    process.wait_ready(0)
    assert process.is_running()
    assert process.log_tail() == "up"
    process.stop(grace=10)
    assert not process.is_running()
    assert process.status == -signal.SIGTERM


def test_an_end_before_ready_is_an_error_with_the_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('address already in use')"]
    process = GuardedProcess("node", command, log=tmp_path / "log", ready_text="up")
    with pytest.raises(ProcessError, match=r"node ended with status 1;(?s:.*)address already in use"):
        process.wait_ready(30)
    assert process.wait(0)
    assert process.status == 1


def test_not_ready_in_time_is_an_error(tmp_path: Path) -> None:
    process = GuardedProcess("node", _SLEEP, log=tmp_path / "log", ready_text="never said")
    with pytest.raises(ProcessError, match=r"did not report 'ready' within 0\.1 s"):
        process.wait_ready(0.1)
    process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_it_listens_later_than_it_says_that_it_is_ready(tmp_path: Path) -> None:
    port = _free_port()
    process = GuardedProcess("late", [*_LATE, str(port)], log=tmp_path / "log", ready_text="up")
    process.wait_ready(30)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with pytest.raises(ProcessError, match=rf"did not listen on 127\.0\.0\.1, port {port}, within 0\.1 s"):
        process.wait_listening("127.0.0.1", port, 0.1)
    process.send(signal.SIGUSR1)
    process.wait_listening("127.0.0.1", port, 30)
    process.kill()


def test_an_end_before_it_listens_is_an_error_with_the_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.exit('no room')"]
    process = GuardedProcess("node", command, log=tmp_path / "log", ready_text="up")
    with pytest.raises(ProcessError, match=r"node ended with status 1;(?s:.*)no room"):
        process.wait_listening("127.0.0.1", _free_port(), 30)


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="no-such-program"):
        GuardedProcess("node", ["no-such-program"], log=tmp_path / "log")


def test_pause_and_resume(tmp_path: Path) -> None:
    process = GuardedProcess("sleeper", _SLEEP, log=tmp_path / "log", ready_text="up")
    process.wait_ready(30)
    process.send(signal.SIGSTOP)
    assert _state(process.pid) == "T"
    assert process.is_running()
    process.send(signal.SIGCONT)
    assert _state(process.pid) in "SR"
    process.kill()
    assert process.status == -signal.SIGKILL
    with pytest.raises(ProcessError, match="ended with status -9"):
        process.send(signal.SIGSTOP)


def test_a_paused_process_can_be_stopped(tmp_path: Path) -> None:
    process = GuardedProcess("sleeper", _SLEEP, log=tmp_path / "log", ready_text="up")
    process.wait_ready(30)
    process.send(signal.SIGSTOP)
    process.stop(grace=10)
    assert process.status == -signal.SIGTERM


def test_stop_becomes_kill_after_the_grace(tmp_path: Path) -> None:
    process = GuardedProcess("stubborn", _STUBBORN, log=tmp_path / "log", ready_text="up")
    process.wait_ready(30)
    process.stop(grace=0.1)
    assert process.status == -signal.SIGKILL
    process.stop(grace=0.1)
    process.kill()


@pytest.mark.parametrize("state", ["running", "paused"])
def test_no_orphan_when_the_starter_is_killed(tmp_path: Path, state: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    starter = subprocess.Popen([sys.executable, "-c", _STARTER, place, state], stdout=subprocess.PIPE)
    try:
        assert starter.stdout is not None
        child, supervisor = map(int, starter.stdout.readline().split())
        assert (_state(child) == "T") == (state == "paused")
    finally:
        starter.kill()
        starter.communicate()
    _wait_gone(child, supervisor)
    assert not place.exists()


def test_no_orphan_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    process = GuardedProcess("sleeper", _SLEEP, log=tmp_path / "log", ready_text="up")
    process.wait_ready(30)
    os.kill(process._supervisor.pid, signal.SIGKILL)
    _wait_gone(process.pid)
    assert process.wait(10)
    process.stop(grace=1)
