"""A process that never outlives the program that started it, with its log and its signals."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_LOG_LINES = 40
_POLL = 0.02


class ProcessError(Exception):
    """A process of the test bed did not do what was awaited; the message ends with the end of its log."""


class GuardedProcess:
    """`command`, started at once under a supervisor in a session of its own.

    It is killed when this program ends, however that happens, and `remove` is then deleted with all in it.
    Its output is appended to the file `log`. Signals are delivered when the methods that send them return.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready_text: str = "",
        remove: Path | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.status: int | None = None
        """As `subprocess.Popen.returncode`; None while it runs, as far as the events read so far tell."""
        self._events = b""
        self._ready = False
        with log.open("ab") as output:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", _SUPERVISOR, str(remove or ""), ready_text, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=cwd,
                env=environment,
                start_new_session=True,
            )
        self.pid = int(self._await("started", timeout=30))

    def is_running(self) -> bool:
        """Whether it has not ended yet; a paused process runs."""
        self._collect(deadline=0)
        return self.status is None

    def wait_ready(self, timeout: float) -> None:
        """Wait until it has written `ready_text`, at most `timeout` seconds.

        Raises `ProcessError` when it ends before, or does not write it in time.
        """
        if not self._ready:
            self._await("ready", timeout)

    def wait_listening(self, address: str, port: int, timeout: float) -> None:
        """Wait until a TCP connection is accepted there, at most `timeout` seconds.

        For those whose `ready_text` comes before they listen. Raises `ProcessError` when the process ends
        before, or takes longer.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                socket.create_connection((address, port), timeout=max(_POLL, timeout)).close()
            except OSError as error:
                if self.wait(_POLL):
                    raise self.error(f"ended with status {self.status}") from error
                if time.monotonic() > deadline:
                    raise self.error(
                        f"did not listen on {address}, port {port}, within {timeout:g} s"
                    ) from error
            else:
                return

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for its end; whether it has ended."""
        self._collect(time.monotonic() + timeout)
        return self.status is not None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; raises `ProcessError` when it has ended already."""
        assert self._supervisor.stdin is not None
        if self.is_running():
            try:
                os.write(self._supervisor.stdin.fileno(), bytes((number,)))
            except BrokenPipeError:
                self._collect(time.monotonic() + 1)
        self._await("signalled", timeout=10)

    def stop(self, grace: float) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; nothing when it has ended already."""
        for number in (signal.SIGTERM, signal.SIGCONT):  # a paused process takes the first once it goes on
            if self.is_running():
                self._send_to_ending(number)
        if not self.wait(grace):
            self.kill()
        self._release()

    def kill(self) -> None:
        """SIGKILL, and wait for the end; nothing when it has ended already."""
        if self.is_running():
            self._send_to_ending(signal.SIGKILL)
            if not self.wait(30):
                raise self.error("did not end within 30 s of SIGKILL")
        self._release()

    def error(self, what: str) -> ProcessError:
        """An error about this process, to raise: what happened, and the end of the log."""
        return ProcessError(f"{self.name} {what}; the end of {self.log}:\n{self.log_tail()}")

    def log_tail(self, lines: int = _LOG_LINES) -> str:
        """The last `lines` lines of what it has written."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _send_to_ending(self, number: signal.Signals) -> None:
        try:
            self.send(number)
        except ProcessError:
            if self.status is None:
                raise

    def _await(self, event: str, timeout: float) -> str:
        """The words after `event` in the next line that reports it."""
        deadline = time.monotonic() + timeout
        while True:
            found = self._next_event(deadline)
            if found is None:
                if self.status is not None:
                    raise self.error(f"ended with status {self.status}")
                raise self.error(f"did not report {event!r} within {timeout:g} s")
            kind, _, rest = found.partition(" ")
            if kind == event:
                return rest

    def _collect(self, deadline: float) -> None:
        while self._next_event(deadline) is not None:
            pass

    def _next_event(self, deadline: float) -> str | None:
        """The next line of the supervisor; None at its end, at the process's end, or at the deadline."""
        assert self._supervisor.stdout is not None
        while b"\n" not in self._events:
            if self.status is not None:
                return None
            readable, _, _ = select.select(
                [self._supervisor.stdout], [], [], max(0, deadline - time.monotonic())
            )
            if not readable:
                return None
            data = os.read(self._supervisor.stdout.fileno(), 4096)
            if not data:
                self.status = (
                    -signal.SIGKILL
                )  # the supervisor was killed, and the kernel has killed the process
                return None
            self._events += data
        line, _, self._events = self._events.partition(b"\n")
        event = line.decode()
        if event == "ready":
            self._ready = True
        elif event.startswith("exited "):
            self.status = int(event.removeprefix("exited "))
            return None
        return event

    def _release(self) -> None:
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        self._supervisor.stdin.close()
        self._supervisor.wait()
        self._supervisor.stdout.close()
