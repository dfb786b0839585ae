"""The paths below `/dead-letters`: listed by pages, shown, exported line by line, replayed and deleted."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cqlproxy.admin.answers import FRESH, answer, peer, refused
from cqlproxy.admin.letters_wanted import LETTERS, PAGE, number_in, wanted_by_body, wanted_by_query
from cqlproxy.admin.request_body import BodyError
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


def letters_routes(view: View) -> list[Route]:
    """The routes that answer for ``view.letters``."""

    def guarded(
        endpoint: Callable[[LettersView, Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guard(request: Request) -> Response:
            letters = view.letters
            if letters is None:
                return answer({"error": _NO_JOURNAL}, 404)
            try:
                return await endpoint(letters, request)
            except BodyError as error:
                return refused(error)
            except LettersFailedError as error:
                return answer({"error": str(error)}, 503)

        return guard

    return [
        Route("/dead-letters", guarded(_page), methods=["GET"]),
        Route("/dead-letters/export", guarded(_export), methods=["GET"]),
        Route("/dead-letters/replay", guarded(_replay), methods=["POST"]),
        Route("/dead-letters/purge", guarded(_purge), methods=["POST"]),
        Route("/dead-letters/{id:int}", guarded(_show), methods=["GET"]),
    ]


async def _page(letters: LettersView, request: Request) -> Response:
    query = dict(request.query_params)
    limit, after = number_in(query, "limit", 1, LETTERS, PAGE), number_in(query, "after", 0, 2**63 - 1, 0)
    wanted = wanted_by_query(query, besides=("limit", "after"))
    # One more than asked for tells whether there is another page.
    found = await letters.page(wanted, after=after, limit=limit + 1)
    shown = found[:limit]
    return answer(
        {
            "total": letters.count,
            "letters": [letter.as_json() for letter in shown],
            "next": shown[-1].id if len(found) > limit else None,
        }
    )


async def _show(letters: LettersView, request: Request) -> Response:
    number: int = request.path_params["id"]
    letter = await letters.get(number) if number < 2**63 else None
    if letter is None:
        return answer({"error": f"there is no dead letter {number}"}, 404)
    return answer(letter.as_json())


async def _export(letters: LettersView, request: Request) -> Response:
    wanted = wanted_by_query(dict(request.query_params))
    # The first page is read before the answer begins, so that what fails at once can still be said.
    first = await letters.page(wanted, after=0, limit=_EXPORTED_AT_ONCE)
    return StreamingResponse(_lines(letters, wanted, first), media_type="application/x-ndjson", headers=FRESH)


async def _lines(letters: LettersView, wanted: LettersWanted, page: list[DeadLetter]) -> AsyncIterator[str]:
    while page:
        yield "".join(letter.as_line() for letter in page)
        page = await letters.page(wanted, after=page[-1].id, limit=_EXPORTED_AT_ONCE)


async def _replay(letters: LettersView, request: Request) -> Response:
    wanted = await wanted_by_body(request)
    replayed = await letters.replay(wanted)
    log.info(
        "dead letters are replayed",
        extra={"letters": replayed, "wanted": _named(wanted), "client": peer(request)},
    )
    return answer({"replayed": replayed})


async def _purge(letters: LettersView, request: Request) -> Response:
    wanted = await wanted_by_body(request)
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
