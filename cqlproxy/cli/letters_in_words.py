"""Dead letters as lines for a terminal. Keys of an older or newer proxy may lack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

_ERROR_SHOWN = 80
_TEXT_SHOWN = 60


def listed(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy dead-letters list`."""
    letters = [_mapping(letter) for letter in _items(body.get("letters"))]
    total = body.get("total")
    if not letters:
        return ["There are no dead letters." if total == 0 else f"None of the {total} dead letters fits."]
    rows = [("ID", "TARGET", "TABLES", "REASON", "TRIED", "WRITTEN", "ERROR")]
    rows += [
        (
            _plain(letter.get("id")),
            _plain(letter.get("target")),
            _short(", ".join(map(_plain, _items(letter.get("tables")))), _TEXT_SHOWN),
            _plain(letter.get("reason")),
            _plain(letter.get("attempts")),
            _plain(letter.get("written_at")),
            _short(_plain(letter.get("error")), _ERROR_SHOWN),
        )
        for letter in letters
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines.append(f"{len(letters)} shown of {total}.")
    if body.get("next") is not None:
        lines[-1] += f" The next ones: --after {body.get('next')}"
    return lines


def shown(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy dead-letters show`."""
    lines = [
        f"id           {_plain(body.get('id'))}",
        f"lacks it     {_plain(body.get('target'))}",
        f"tables       {', '.join(map(_plain, _items(body.get('tables')))) or 'none'}",
        f"keyspace     {_plain(body.get('keyspace'))}",
        f"reason       {_plain(body.get('reason'))}",
        f"error        {_plain(body.get('error'))}",
        f"attempts     {_plain(body.get('attempts'))}, the first {_plain(body.get('first_attempt'))},"
        f" the last {_plain(body.get('last_attempt'))}",
        f"written      {_plain(body.get('written_at'))}",
        f"consistency  {_plain(body.get('consistency'))}",
        "statement",
    ]
    lines += [f"  {_plain(line)}" for line in str(body.get("statement")).splitlines()]
    lines.append("values")
    values = json.dumps(body.get("values"), indent=2, ensure_ascii=False)
    return lines + [f"  {_plain(line)}" for line in values.splitlines()]


def replayed(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy dead-letters replay`."""
    return [f"{_counted(body.get('replayed'))} will be tried again, after all that waits."]


def purged(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy dead-letters purge`."""
    return [f"{_counted(body.get('purged'))} deleted."]


def chosen(body: Mapping[str, object]) -> str:
    """What a request to change dead letters is about, for a question."""
    if body.get("all"):
        return "all dead letters"
    if "ids" in body:
        ids = list(_items(body["ids"]))
        return f"{len(ids)} dead letters" if len(ids) > 1 else f"dead letter {ids[0]}"
    return f"the dead letters with {', '.join(f'{key} {_plain(value)}' for key, value in body.items())}"


def _counted(count: object) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"


def _plain(value: object) -> str:
    """Text of the application and of servers must not steer the terminal."""
    if value is None:
        return "-"
    return "".join(character if character.isprintable() else "?" for character in str(value))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
