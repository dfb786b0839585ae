"""What comes back of a request to the admin API: a JSON object, or one of our errors. No I/O."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

import httpx

from cqlproxy.client.address import AdminAddress
from cqlproxy.client.errors import (
    ClientError,
    RefusedError,
    ServerFailureError,
    UnauthorisedError,
    UnreachableError,
    Unreached,
)


class Reply(NamedTuple):
    """What the proxy answered: the HTTP status, and the JSON object that came with it."""

    status: int
    body: dict[str, object]


def reply_of(address: AdminAddress, status: int, content: bytes) -> Reply:
    """A response in full. Raises ``UnreachableError`` when it is no JSON object, as every one of ours is."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise UnreachableError(
            f"what answers at {address.url} is no cqlproxy (HTTP status {status})",
            address.url,
            Unreached.ADDRESS,
        )
    return Reply(status, said)


def accepted(address: AdminAddress, reply: Reply) -> dict[str, object]:
    """The body of a reply that is no error. Raises the ``AnsweredError`` that it is otherwise."""
    status = reply.status
    if status < HTTPStatus.BAD_REQUEST:
        return reply.body
    if status == HTTPStatus.UNAUTHORIZED:
        raise UnauthorisedError(status, reply.body, address.url)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise RefusedError(status, reply.body, address.url)
    raise ServerFailureError(status, reply.body, address.url)


def unreachable(address: AdminAddress, error: httpx.HTTPError) -> ClientError:
    """What an error of httpx means to whoever asked."""
    url = address.url
    if isinstance(error, httpx.TimeoutException):
        return UnreachableError(
            f"the proxy at {url} did not answer within {address.timeout:g} s", url, Unreached.TIMEOUT
        )
    below = list(_causes(error))
    for cause in below:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"the certificate of {url} is refused: {cause.verify_message}", url, Unreached.CERTIFICATE
            )
    if isinstance(error, httpx.RemoteProtocolError) and "complete message body" in str(error):
        return UnreachableError(
            f"the proxy at {url} broke off its answer: see its log", url, Unreached.BROKEN_OFF
        )
    handshake = next((cause for cause in below if isinstance(cause, ssl.SSLError)), None)
    if handshake is not None:
        return _other_scheme(address, handshake.reason or str(handshake))
    if isinstance(error, httpx.ReadError | httpx.WriteError) or "without sending a response" in str(error):
        return _other_scheme(address, "the connection was closed")
    if isinstance(error, httpx.RemoteProtocolError):
        return UnreachableError(f"what answers at {url} does not speak HTTP: {error}", url, Unreached.ADDRESS)
    # The innermost knows best; those round it say that all attempts have failed.
    system = [cause for cause in below if isinstance(cause, OSError) and cause.strerror]
    what = _reason(system[-1]) if system else str(error) or type(error).__name__
    return UnreachableError(f"no proxy can be reached at {url}: {what}", url, Unreached.ADDRESS)


def _reason(error: OSError) -> str:
    # asyncio has words of its own for a connection that was refused. Negative numbers are the resolver's.
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error.strerror)


def _other_scheme(address: AdminAddress, what: str) -> UnreachableError:
    ours, other = ("https", "http") if address.secure else ("http", "https")
    return UnreachableError(
        f"what listens at {address.url} does not speak {ours}: {what}; is it {other} there?",
        address.url,
        Unreached.ADDRESS,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors behind an error, from the outside in."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.extend(cause for cause in (current.__cause__, current.__context__) if cause is not None)
