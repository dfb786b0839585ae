"""`cqlproxy config`: the configuration in force, seen and changed; and the schema of its file."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.asking import JSON, asked, asks_admin, show_reply
from cqlproxy.cli.failures import EXIT_FAILED, fail, refuse
from cqlproxy.cli.reaching import who

if TYPE_CHECKING:
    from cqlproxy.client.transport import BlockingTransport
    from cqlproxy.config.keys import Key


@click.group()
def config() -> None:
    """The configuration that a running proxy has, and the schema of its file.

    What can be changed while the proxy runs is changed by `set`, or by editing the file and sending SIGHUP to
    the proxy. What cannot says so.

    \b
    Examples:
      cqlproxy config get
      cqlproxy config set mirror.replay_rate 5000
      cqlproxy config schema > proxy.schema.json
    """


@config.command()
@click.argument("key", required=False)
@asks_admin
@JSON
def get(key: str | None, api: BlockingTransport, as_json: bool) -> None:
    """Show the configuration in force, or the value of one KEY such as mirror.max_bytes. Secrets are masked.

    Comments at the end name the keys that differ from the file, those that need a restart to be as the file
    says, and what was wrong with the file when it was last read. Exits with 1 when the proxy cannot be
    reached, and with 2 when there is no such key.

    \b
    Examples:
      cqlproxy config get
      cqlproxy config get log.level
      cqlproxy config get --json --url http://10.0.0.5:8080
    """
    found = None if key is None else _known("KEY", key)
    reply = asked(lambda: api.get("/config"))
    if found is None or reply.status != HTTPStatus.OK:
        show_reply(reply, as_json, _in_force)
        return
    value: object = reply.body.get("config")
    for name in found.path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    click.echo(json.dumps({"key": found.path, "value": value}, indent=2) if as_json else _shown(value))


@config.command(name="set")
@click.argument("key")
@click.argument("value")
@asks_admin
@JSON
def set_value(key: str, value: str, api: BlockingTransport, as_json: bool) -> None:
    """Change a KEY of the running proxy to VALUE, which is written as in the file.

    It lasts until the proxy ends, since the file is as it was; but for the mode, which is kept. Exits with 1
    when the proxy cannot be reached or the key cannot be changed while it runs, and with 2 when there is no
    such key or it cannot have that value. Then nothing is changed.

    \b
    Examples:
      cqlproxy config set log.level debug
      cqlproxy config set mirror.max_bytes 256MiB
      cqlproxy config set validation_percentage 0.5
    """
    from cqlproxy.config.environment import read_value

    found = _known("KEY", key)
    body: dict[str, object] = {"set": {found.path: read_value(found, value)}, "by": who()}
    reply = asked(lambda: api.ask("PATCH", "/config", body))
    field = str(reply.body.get("field") or found.path).removeprefix("set.")
    if reply.status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY) and not as_json:
        problem = f"{field}: {reply.body.get('error')}"
        if reply.status == HTTPStatus.CONFLICT:
            fail(problem)
        refuse([problem])
    if reply.status == HTTPStatus.CONFLICT:
        click.echo(json.dumps(reply.body, indent=2))
        raise SystemExit(EXIT_FAILED)
    show_reply(reply, as_json, lambda body: [_changed(found, body)])


@config.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file. No proxy has to run.

    With `# yaml-language-server: $schema=proxy.schema.json` as the first line of the file, editors complete
    its keys, explain them and mark what is wrong.

    \b
    Example:
      cqlproxy config schema > proxy.schema.json
    """
    from cqlproxy.config.schema import schema as schema_of_file

    click.echo(json.dumps(schema_of_file(), indent=2))


def _known(argument: str, path: str) -> Key:
    from cqlproxy.config.keys import keys, unknown_key

    found = keys().get(path)
    if found is None:
        refuse([f"{argument}: {path} {unknown_key(path)}"])
    return found


def _in_force(body: dict[str, object]) -> list[str]:
    lines = [_shown(_given(body.get("config")))]
    for name, meaning in (
        ("differs_from_file", "differs from the file"),
        ("needs_restart", "needs a restart"),
        ("file_problems", "the file cannot be used as it is now"),
    ):
        found = body.get(name)
        if isinstance(found, list) and found:
            lines.append(f"# {meaning}: {', '.join(map(str, found))}")
    return lines


def _given(value: object) -> object:
    """Less what is left out, for which the file has no value."""
    if not isinstance(value, dict):
        return value
    return {name: _given(one) for name, one in value.items() if one is not None}


def _shown(value: object) -> str:
    """As it would be written in the file."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, default_flow_style=False, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


def _changed(key: Key, body: dict[str, object]) -> str:
    changed = body.get("changed")
    values = changed.get(key.path) if isinstance(changed, dict) else None
    if not isinstance(values, dict):
        return f"{key.path} was so already."
    lasting = "" if key.path == "mode" else ", until the proxy ends"
    return f"{key.path} is {_shown(values.get('to'))} now, after {_shown(values.get('from'))}{lasting}."
