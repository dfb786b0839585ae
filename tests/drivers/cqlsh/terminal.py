"""cqlsh at a terminal of its own: a line is typed, and what appears until the next prompt is read."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time

_MARK = "###"
_PROMPT = re.compile(rf"(?:\w+@)?{_MARK}\r?\ncqlsh(?::\S+)?> $".encode())
_MORE = b"---MORE---"
_PATIENCE = 60.0


class EndedError(Exception):
    """cqlsh has ended instead; the text is what it showed last."""


class Shell:
    """`arguments` are those of cqlsh. Raises `EndedError` when it ends before its first prompt."""

    def __init__(self, *arguments: str) -> None:
        self._home = tempfile.TemporaryDirectory()
        environment = {
            **os.environ,
            "CQLSH_PROMPT": _MARK,
            "HOME": self._home.name,
            # No colours, no moving of the cursor.
            "TERM": "dumb",
            "TZ": "UTC",
        }
        usual = ["--no-color", "--disable-history", "--request-timeout=30", "--connect-timeout=30"]
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "cqlshlib", *usual, *arguments], environment)
        # Nothing is wrapped.
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 500, 2000, 0, 0))
        try:
            self.greeting = self._until_prompt()[0]
        except EndedError:
            os.close(self._terminal)
            raise

    def type(self, line: str) -> str:
        """What appears after the line that was typed."""
        return self.exchange(line)[1]

    def exchange(self, line: str) -> tuple[str, str]:
        """The line as it stands there in the end, completed where it has tabs; what appears after it."""
        os.write(self._terminal, f"{line}\n".encode())
        echo, _, rest = self._until_prompt()[0].partition("\n")
        return echo, rest

    def pages(self, line: str) -> list[str]:
        """What appears, in parts as it stops for the reader."""
        os.write(self._terminal, f"{line}\n".encode())
        last, pages = self._until_prompt()
        first, *others = [*pages, last]
        return [first.partition("\n")[2], *others]

    def close(self) -> None:
        """Leave it."""
        os.write(self._terminal, b"exit\n")
        try:
            self._until_prompt()
        except EndedError:
            os.close(self._terminal)

    def _until_prompt(self) -> tuple[str, list[str]]:
        """What appears up to the prompt, and the parts before it after which it waited for a key."""
        deadline = time.monotonic() + _PATIENCE
        data, pages = b"", []
        while True:
            readable, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
            if not readable:
                os.kill(self._pid, signal.SIGKILL)
                raise TimeoutError(f"no prompt within {_PATIENCE:g} s, but {data!r}")
            try:
                more = os.read(self._terminal, 65536)
            except OSError:  # how Linux says that nobody is there any more
                more = b""
            if not more:
                os.waitpid(self._pid, 0)
                raise EndedError(_plain(data))
            data += more
            if data.endswith(_MORE):
                pages.append(_plain(data.removesuffix(_MORE)))
                data = b""
                os.write(self._terminal, b"\n")
            elif found := _PROMPT.search(data):
                return _plain(data[: found.start()]), pages


def _plain(data: bytes) -> str:
    return data.decode().replace("\r", "").replace("\a", "")
