"""The paths below `/dead-letters`: listed by pages, shown, exported line by line, replayed and deleted."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cqlproxy.admin.answers import FRESH, answer, peer
from cqlproxy.admin.letters_wanted import ChosenLetters, ExportedLetters, PagedLetters, wanted_by
from cqlproxy.admin.operations import Operation, ask, find, get
from cqlproxy.admin.shapes import Letter, Letters, Purged, Replayed
from cqlproxy.admin.view import LettersFailedError, LettersView, LettersWanted, View
from cqlproxy.journal.letters import DeadLetter

log = logging.getLogger(__name__)

_EXPORTED_AT_ONCE = 100
"""Few, so that the event loop is free for clients again soon."""

_WANTED_SHOWN = 200
"""Characters of what was asked for, in the log."""

_NO_JOURNAL = (
    "no journal is kept, and so no dead letters are: mirror.journal is off, or no shadow is configured;"
    " to keep them, change that in the configuration and restart the proxy"
)


_LINES = "application/x-ndjson"
_NONE_KEPT = "No journal is kept."
_REFUSALS = {404: _NONE_KEPT, 503: "The journal cannot be read or written at the moment."}

Asked = TypeVar("Asked")


def letters_operations(view: View) -> Iterator[Operation]:
    """The calls that ``view.letters`` answers."""

    def guarded(
        endpoint: Callable[[LettersView, Asked, Request], Awaitable[Response]],
    ) -> Callable[[Asked, Request], Awaitable[Response]]:
        async def guard(asked: Asked, request: Request) -> Response:
            letters = view.letters
            if letters is None:
                return answer({"error": _NO_JOURNAL}, 404)
            try:
                return await endpoint(letters, asked, request)
            except LettersFailedError as error:
                return answer({"error": str(error)}, 503)

        return guard

    async def show(request: Request) -> Response:
        return await guarded(_show)(None, request)

    yield find(
        "/dead-letters",
        guarded(_page),
        PagedLetters,
        summary="Dead letters, a page at a time",
        answer=Letters,
        refusals=_REFUSALS,
    )
    yield find(
        "/dead-letters/export",
        guarded(_export),
        ExportedLetters,
        summary="All of them, a line of JSON each",
        media=_LINES,
        refusals=_REFUSALS,
    )
    yield ask(
        "/dead-letters/replay",
        guarded(_replay),
        ChosenLetters,
        summary="Make copies of dead letters again",
        description="To be delivered after all that waits. They are letters no more, unless they fail again.",
        answer=Replayed,
        refusals=_REFUSALS,
    )
    yield ask(
        "/dead-letters/purge",
        guarded(_purge),
        ChosenLetters,
        summary="Delete dead letters for good",
        answer=Purged,
        refusals=_REFUSALS,
    )
    yield get(
        "/dead-letters/{id:int}",
        show,
        summary="One dead letter",
        answer=Letter,
        refusals={**_REFUSALS, 404: f"There is none with this id. {_NONE_KEPT}"},
    )


async def _page(letters: LettersView, asked: PagedLetters, _: Request) -> Response:
    # One more than asked for tells whether there is another page.
    found = await letters.page(wanted_by(asked), after=asked.after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    return answer(
        {
            "total": letters.count,
            "letters": [letter.as_json() for letter in shown],
            "next": shown[-1].id if len(found) > asked.limit else None,
        }
    )


async def _show(letters: LettersView, _: None, request: Request) -> Response:
    number: int = request.path_params["id"]
    letter = await letters.get(number) if number < 2**63 else None
    if letter is None:
        return answer({"error": f"there is no dead letter {number}"}, 404)
    return answer(letter.as_json())


async def _export(letters: LettersView, asked: ExportedLetters, _: Request) -> Response:
    wanted = wanted_by(asked)
    # The first page is read before the answer begins, so that what fails at once can still be said.
    first = await letters.page(wanted, after=0, limit=_EXPORTED_AT_ONCE)
    return StreamingResponse(_lines(letters, wanted, first), media_type=_LINES, headers=FRESH)


async def _lines(letters: LettersView, wanted: LettersWanted, page: list[DeadLetter]) -> AsyncIterator[str]:
    while page:
        yield "".join(letter.as_line() for letter in page)
        page = await letters.page(wanted, after=page[-1].id, limit=_EXPORTED_AT_ONCE)


async def _replay(letters: LettersView, asked: ChosenLetters, request: Request) -> Response:
    wanted = asked.wanted()
    replayed = await letters.replay(wanted)
    log.info(
        "dead letters are replayed",
        extra={"letters": replayed, "wanted": _named(wanted), "client": peer(request)},
    )
    return answer({"replayed": replayed})


async def _purge(letters: LettersView, asked: ChosenLetters, request: Request) -> Response:
    wanted = asked.wanted()
    purged = await letters.purge(wanted)
    log.warning(
        "dead letters are deleted",
        extra={"letters": purged, "wanted": _named(wanted), "client": peer(request)},
    )
    return answer({"purged": purged})


def _named(wanted: LettersWanted) -> str:
    """Which letters were meant, for the log."""
    given = {name: value for name, value in wanted._asdict().items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in given.items())[:_WANTED_SHOWN] or "all"
