"""A relay before a real node that makes of it one of years ago, which speaks protocol version 3 only."""

from __future__ import annotations

import socket
import socketserver
import threading
from types import TracebackType
from typing import Self

from frame_codec import HEADER, ErrorCode, Opcode, PlainError, encode_frame
from tests.nodes import CassandraNode, loopback_address
from tests.nodes.addresses import NATIVE_PORT

_VERSION = 3
_REFUSAL = "Invalid or unsupported protocol version ({}); the lowest and the greatest supported version is 3"


class OldNode:
    """Relays to `node` from the beginning of the ``with`` block to its end."""

    def __init__(self, node: CassandraNode) -> None:
        self.name = f"old {node.name}"
        self.address, self.port = loopback_address(), NATIVE_PORT
        behind = (node.address, node.port)

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                client: socket.socket = self.request
                first = client.recv(1 << 16)
                if not first:
                    return
                if first[0] != _VERSION:
                    _, _, stream, _, _ = HEADER.unpack_from(first)
                    error = PlainError(_REFUSAL.format(first[0]), ErrorCode.PROTOCOL_ERROR)
                    client.sendall(encode_frame(0x83, 0, stream, Opcode.ERROR, error.encode(3)))
                    return
                with socket.create_connection(behind) as server:
                    server.sendall(first)
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server((self.address, self.port), Connection)
        self._thread = threading.Thread(target=self._server.serve_forever, name=self.name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one of the two is gone, and with it the connection
