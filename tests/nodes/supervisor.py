"""Keeps one process, and ends it when whoever started it is gone; `process.GuardedProcess` runs this program.

The starter holds the writing end of our standard input. Each byte read from it is the number of a signal to
send to the process; its end means that the starter has ended, by whatever cause, SIGKILL included. Then the
process is killed, even if it is paused, and the working directory is removed. Should this program itself be
killed, the kernel kills the process (PR_SET_PDEATHSIG).

On standard output, a line for each event: ``started PID``, ``ready``, ``signalled``, ``exited STATUS``. What
the process writes goes to our standard error, which is its log.

usage: supervisor.py REMOVE READY COMMAND...    REMOVE and READY may be empty
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1


def main() -> None:
    remove, ready, *command = sys.argv[1:]
    libc = ctypes.CDLL(None)
    supervisor = os.getpid()

    def die_with_supervisor() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)

    # Forked from the main thread, which lives as long as this program: the death signal follows the thread.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_supervisor,
    )
    report(f"started {process.pid}")
    starter_gone = threading.Event()
    threading.Thread(target=obey, args=(process, starter_gone), daemon=True).start()
    copy_output(process, ready.encode())
    status = process.wait()
    if starter_gone.is_set() and remove:
        shutil.rmtree(remove, ignore_errors=True)
    report(f"exited {status}")


def obey(process: subprocess.Popen[bytes], starter_gone: threading.Event) -> None:
    while order := os.read(0, 1):
        process.send_signal(order[0])
        if order[0] == signal.SIGSTOP:
            # kill(2) returns before the process stands still; without a child there is none to wait for.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        report("signalled")
    starter_gone.set()
    process.kill()


def copy_output(process: subprocess.Popen[bytes], ready: bytes) -> None:
    assert process.stdout is not None
    awaited = bool(ready)
    for line in process.stdout:
        os.write(2, line)
        if awaited and ready in line:
            awaited = False
            report("ready")


def report(event: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the starter has ended: there is nobody left to tell
        os.write(1, f"{event}\n".encode())


if __name__ == "__main__":
    main()
