"""Clients of all bad kinds at once, on and off as the lines of standard input say. Needs no driver.

Arguments: contact point, port, and how many connections never handshake. After ``on`` they are there: those,
others that send a header byte by byte, some that claim 2 GB again and again, and some that ask for much and
never read. After ``off`` there is none. Each line is answered by the same when it is done, with how many are
connected.
"""

import resource
import select
import socket
import struct
import sys
import time

_SOURCES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
_DRIBBLING = 50
_CLAIMING = 5
_GREEDY = 5
_ASKED = 30
_TICK = 0.1
_OPTIONS = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0"
_STARTUP = struct.pack(">BBhBI", 4, 0, 0, 1, len(_OPTIONS)) + _OPTIONS
_QUESTION = b"SELECT * FROM system_schema.columns"
_CLAIM = struct.pack(">BBhBI", 4, 0, 1, 7, 2**31 - 1)


class Abuse:
    """All of them."""

    def __init__(self, host: str, port: int, silent: int) -> None:
        self._server = (host, port)
        self._silent = silent
        self._made = 0
        self._idle: list[socket.socket] = []
        self._dribbling: list[socket.socket] = []

    def on(self) -> int:
        """Returns how many connections there are."""
        self._idle = [self._connected() for _ in range(self._silent)]
        self._dribbling = [self._connected() for _ in range(_DRIBBLING)]
        body = struct.pack(">i", len(_QUESTION)) + _QUESTION + struct.pack(">HB", 1, 0)
        for _ in range(_GREEDY):
            greedy = self._connected()
            greedy.sendall(_STARTUP)
            greedy.recv(100)
            for stream in range(_ASKED):
                greedy.sendall(struct.pack(">BBhBI", 4, 0, stream, 7, len(body)) + body)
            self._idle.append(greedy)
        return len(self._idle) + len(self._dribbling)

    def tick(self) -> None:
        """What they do all the time."""
        for index, client in enumerate(self._dribbling):
            try:
                client.send(b"\x04")
            except OSError:
                client.close()
                self._dribbling[index] = self._connected()
        for _ in range(_CLAIMING if self._dribbling else 0):
            with self._connected() as claiming:
                claiming.send(_CLAIM + bytes(1000))

    def off(self) -> int:
        for client in (*self._idle, *self._dribbling):
            client.close()
        self._idle, self._dribbling = [], []
        return 0

    def _connected(self) -> socket.socket:
        self._made += 1
        return socket.create_connection(
            self._server, timeout=20, source_address=(_SOURCES[self._made % len(_SOURCES)], 0)
        )


def main(host: str, port: int, silent: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    abuse = Abuse(host, port, silent)
    while True:
        if select.select([sys.stdin], [], [], _TICK)[0]:
            order = sys.stdin.readline().strip()
            if not order:
                return
            print(order, {"on": abuse.on, "off": abuse.off}[order](), flush=True)
        else:
            begin = time.monotonic()
            abuse.tick()
            time.sleep(max(0.0, _TICK - (time.monotonic() - begin)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
