"""What the admin API says about rules, as lines for a terminal. Keys of an older or newer proxy may lack."""

from __future__ import annotations

from collections.abc import Iterable

from cqlproxy.cli.instant import instant

_TEXT_SHOWN = 100


def shown(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy filters show`."""
    rules, file = _mapping(body.get("rules")), _mapping(body.get("file"))
    if rules.get("path") is None:
        return ["No rules file is configured: nothing is held back but what is never copied."]
    enforced = "yes" if rules.get("enforce") else "no: all is copied, what they would hold back is counted"
    read = f"read {instant(rules.get('loaded_at'))}, looked at every {rules.get('reload_interval_secs')} s"
    lines = [
        f"rules       {rules.get('path')}",
        f"            SHA-256 {rules.get('content_hash')}",
        f"            {read}",
        f"enforced    {enforced}",
        f"tenants     {rules.get('tenants')} held back, by {_columns(rules)}",
        f"unknown     tenants that cannot be known: {_unknown(rules.get('on_unknown_tenant'))}",
        f"blacklist   {_listed(rules.get('table_blacklist'))}",
        f"whitelist   {_listed(rules.get('table_whitelist'))}",
        f"held back   {_counts(body.get('filtered_by_reason'))}",
        f"would hold  {_counts(body.get('would_filter_by_reason'))}",
    ]
    if under_way := body.get("copies_sent_under_earlier_rules"):
        lines.append(f"under way   {under_way} copies that were sent under earlier rules")
    if file.get("state") == "refused":
        lines.append("The file cannot be used as it is now, so older rules are in force:")
        lines += [f"  {problem}" for problem in _items(file.get("problems"))]
    return lines


def reloaded(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy filters reload` when it went well."""
    rules = _mapping(body.get("rules"))
    return [f"The rules of {rules.get('path')} are in force.", f"SHA-256 {rules.get('content_hash')}"]


def not_reloaded(body: dict[str, object]) -> list[str]:
    """The same when it did not."""
    return [f"cqlproxy: {body.get('error')}", *(f"  {problem}" for problem in _items(body.get("problems")))]


def tested(body: dict[str, object]) -> list[str]:
    """The lines of `cqlproxy filters test`."""
    lines = []
    for entry in map(_mapping, _items(body.get("statements"))):
        text = " ".join(str(entry.get("statement")).split())
        lines.append(text if len(text) <= _TEXT_SHOWN else text[: _TEXT_SHOWN - 3] + "...")
        names = [str(name) for name in (entry.get("keyspace"), entry.get("table")) if name is not None]
        lines.append(f"  {'.'.join(names)}: {entry.get('why')}" if names else f"  {entry.get('why')}")
    return lines or ["There is no statement in it."]


def _columns(rules: dict[str, object]) -> str:
    columns = ", ".join(map(str, _items(rules.get("tenant_columns")))) or "no column"
    for pattern, own in _mapping(rules.get("tenant_columns_by_table")).items():
        columns += f"; in {pattern} by {', '.join(map(str, _items(own))) or 'none'}"
    return columns


def _unknown(choice: object) -> str:
    match choice:
        case "mirror":
            return "copied"
        case "hold":
            return "held back"
        case _:
            return "copied without a tenant column, held back where only the server knows its value"


def _listed(patterns: object) -> str:
    return "none" if patterns is None else ", ".join(map(str, _items(patterns))) or "none"


def _counts(counts: object) -> str:
    return ", ".join(f"{count} by {reason}" for reason, count in _mapping(counts).items()) or "nothing so far"


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
