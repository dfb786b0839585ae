"""What the kernel says of a process is read as proc(5) describes it, and idle is told from busy."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.machine import commit, processor, program
from benchmarks.measure import resident_pages, usage, wait_idle, waited_seconds


def test_resident_memory_is_the_second_number() -> None:
    assert resident_pages("9999 1234 500 1 0 800 0\n") == 1234


def test_the_wait_for_a_processor_is_the_second_number() -> None:
    assert waited_seconds("9000000000 2500000000 77\n") == 2.5


def test_a_process_is_charged_for_what_it_computes() -> None:
    before = usage(os.getpid())
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    after = usage(os.getpid())
    assert 0.2 <= after.cpu_seconds - before.cpu_seconds < 0.3
    assert after.at > before.at
    assert after.resident_bytes > 1 << 20


def test_another_process_is_charged_for_all_its_threads() -> None:
    program = (
        "import hashlib, threading, time\n"
        "threads = [threading.Thread(target=hashlib.pbkdf2_hmac, args=('sha256', b'', b'', 100_000))"
        " for _ in range(2)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print(time.process_time(), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        own = float(process.stdout.readline())
        assert own <= usage(process.pid).cpu_seconds < own + 0.05
        process.kill()


def test_a_process_that_does_not_exist() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(BenchmarkError, match=f"process {ended.pid} cannot be watched"):
        usage(ended.pid)


@pytest.mark.parametrize("busy", [False, True])
def test_only_an_idle_process_is_waited_for_to_the_end(busy: bool) -> None:
    program = "print(flush=True)\nwhile True: pass" if busy else "print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            if busy:
                with pytest.raises(BenchmarkError, match="still works"):
                    wait_idle(process.pid, 0.1)
            else:
                wait_idle(process.pid, 10)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor\t: 0\nmodel name\t: Some  CPU @ 2.00GHz\n\nprocessor\t: 1\nmodel name\t: Other\n",
         "Some CPU @ 2.00GHz"),
        ("processor\t: 0\nBogoMIPS\t: 50\n\nModel\t\t: A Board Rev 1\n", "A Board Rev 1"),
        ("", os.uname().machine),
    ],
)  # fmt: skip
def test_the_processor_has_a_name(cpuinfo: str, name: str) -> None:
    assert processor(cpuinfo) == name


def test_a_program_is_asked_for_its_version(tmp_path: Path) -> None:
    assert program(["/bin/echo", "it 1.2\nand more"]) == "it 1.2"
    assert program(["/bin/false"]) == program([tmp_path / "missing"]) == ""
    assert commit(tmp_path) == ""
