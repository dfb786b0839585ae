"""Requests to the admin API over HTTP, for programs with an event loop and for those without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import httpx

from cqlproxy.client.address import AdminAddress
from cqlproxy.client.exchange import Reply, accepted, reply_of, unreachable

_LINES = "application/x-ndjson"


class AsyncTransport:
    """One connection pool to one proxy, used on one event loop and closed at the end."""

    def __init__(self, address: AdminAddress) -> None:
        self.address = address
        self._http = httpx.AsyncClient(
            headers=address.headers(),
            verify=address.verification(),
            timeout=address.timeout,
            # A proxy for HTTP that the environment names is not on the way to a proxy for CQL.
            trust_env=False,
        )

    async def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Reply:
        """The answer, whatever its status. Raises ``UnreachableError``."""
        try:
            response = await self._http.request(method, self.address.url + path, json=body)
        except httpx.HTTPError as error:
            raise unreachable(self.address, error) from None
        return reply_of(self.address, response.status_code, response.content)

    async def get(self, path: str) -> dict[str, object]:
        """The body of the answer. Raises ``ClientError``."""
        return accepted(self.address, await self.ask("GET", path))

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        """The body of the answer to ``body`` as JSON, or to nothing. Raises ``ClientError``."""
        return accepted(self.address, await self.ask("POST", path, body))

    async def text(self, path: str) -> str:
        """The body of an answer that is no JSON unless it is an error. Raises ``ClientError``."""
        try:
            response = await self._http.get(self.address.url + path)
        except httpx.HTTPError as error:
            raise unreachable(self.address, error) from None
        if response.status_code != httpx.codes.OK:
            accepted(self.address, reply_of(self.address, response.status_code, response.content))
        return response.text

    async def close(self) -> None:
        """Close its connections. Safe to repeat."""
        await self._http.aclose()


class BlockingTransport:
    """The same for a program without an event loop: a command, say."""

    def __init__(self, address: AdminAddress) -> None:
        self.address = address
        self._http = httpx.Client(
            headers=address.headers(),
            verify=address.verification(),
            timeout=address.timeout,
            trust_env=False,
        )

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Reply:
        """The answer, whatever its status. Raises ``UnreachableError``."""
        try:
            response = self._http.request(method, self.address.url + path, json=body)
        except httpx.HTTPError as error:
            raise unreachable(self.address, error) from None
        return reply_of(self.address, response.status_code, response.content)

    def get(self, path: str) -> Reply:
        """GET. Raises ``UnreachableError``."""
        return self.ask("GET", path)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Reply:
        """POST ``body`` as JSON, or nothing. Raises ``UnreachableError``."""
        return self.ask("POST", path, body)

    @contextmanager
    def lines(self, path: str) -> Iterator[Iterator[bytes]]:
        """GET lines of JSON, in pieces of any length as they come. Raises ``ClientError``."""
        try:
            with self._http.stream("GET", self.address.url + path) as response:
                if response.status_code != httpx.codes.OK or not _is_lines(response):
                    reply = reply_of(self.address, response.status_code, response.read())
                    accepted(self.address, reply)
                yield response.iter_bytes()
        except httpx.HTTPError as error:
            raise unreachable(self.address, error) from None

    def close(self) -> None:
        """Close its connections. Safe to repeat."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def _is_lines(response: httpx.Response) -> bool:
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0] == _LINES
