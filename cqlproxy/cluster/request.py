"""What a cluster connection needs to know of a request under way: when to give it up, and whom to tell.

A request is told exactly one of ``answered`` and ``failed``, once, on the proxy's event loop.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from frame_codec import response_start

if TYPE_CHECKING:
    from cqlproxy.cluster.driver import RawConnection


class Failure(Enum):
    """Why no answer came to a request that was sent."""

    TIMEOUT = "timeout"
    """The deadline passed. The request may have been applied."""

    CONNECTION_LOST = "connection lost"
    """The connection broke after the request was handed to it. It may have been applied."""


class NoAnswerError(Exception):
    """A request of the proxy itself got no answer; the message says why."""


class Request:
    """One frame under way to a node. Subclasses say what the answer is for."""

    __slots__ = ("connection", "deadline")

    deadline: float
    """``time.monotonic()`` at which the request is given up, in seconds. Set when it is sent."""

    connection: RawConnection
    """The connection that carries it, so that a statement can be prepared again where it is unknown."""

    body: bytes
    """What is sent: of the requests that are sent together."""

    told_together: ClassVar[type[Request] | None] = None
    """The class itself, if the RESULTs that come in one read are told to its requests all together. Those of
    a class derived from it are told one by one, unless it says otherwise."""

    @staticmethod
    def answered_together(answered: list[tuple[Any, bytes]], now: float) -> None:
        """The node answered requests of one class: each with the body of a RESULT without any flag.

        ``now`` is ``time.monotonic()``. As ``answered`` for each of them, and cheaper; must not raise.
        """
        raise NotImplementedError

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        """The node answered: frame flags, opcode and body as they came (after decompression).

        Must not raise: an exception here is a bug of the proxy and is logged as one.
        """
        raise NotImplementedError(type(self).__name__)

    def failed(self, failure: Failure) -> None:
        """No answer came, nor will one be delivered later."""
        raise NotImplementedError(type(self).__name__)

    def goes_elsewhere(self) -> bool:
        """The node that has it is passed over; whether it was sent to another one, and waits here no more."""
        return False


class Answer(NamedTuple):
    """A node's answer: opcode and body as they came, without tracing id, warnings or payload."""

    opcode: int
    body: bytes


class AwaitedRequest(Request):
    """A request of the proxy itself, off the hot path, whose answer is awaited."""

    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answered(self, flags: int, opcode: int, body: bytes) -> None:
        if not self._answer.done():
            self._answer.set_result(Answer(opcode, body[response_start(body, flags) :]))

    def failed(self, failure: Failure) -> None:
        if not self._answer.done():
            self._answer.set_exception(NoAnswerError(failure.value))

    async def answer(self) -> Answer:
        """Raises ``NoAnswerError``."""
        return await self._answer
