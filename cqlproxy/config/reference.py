"""docs/configuration.md, made of the model. Print it with ``python -m cqlproxy.config.reference``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cqlproxy.config.keys import Key, keys
from cqlproxy.config.schema import default, meaning

_HEAD: Final = """\
# Configuration

`cqlproxy serve -c proxy.yaml` reads one YAML file. [config/proxy.yaml](../config/proxy.yaml) is one with
every key and longer explanations. This page is made of the program: `python -m cqlproxy.config.reference`.

- `cqlproxy check-config proxy.yaml` says what is wrong with a file, and where; with `--connect` it also
  tries both clusters.
- `cqlproxy config schema > proxy.schema.json` writes a JSON Schema. With `# yaml-language-server:
  $schema=proxy.schema.json` as its first line, editors complete and explain the file.
- Sizes are a number of bytes or take a unit: kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024).
  Paths are absolute, or relative to the file.

**By environment.** Each key can also be given, or given another value, by a variable: `CQLPROXY_`, then its
path in capitals with two underscores for each dot, such as
`CQLPROXY_PRIMARY__CONTACT_POINTS=10.0.0.1,10.0.0.2`. Values are written as in the file; elements of a list
may be separated by commas. A variable with two underscores that means no key is an error. A password or
token in the environment takes the place of the file's, also of a `password_file` or `token_file` there, and
the other way round.

**Secrets by file.** `password_file` and `token_file` name a file with the secret (a mounted one, say) and
nothing else; one line end at its end does not count. A password is read for each new connection, the token
when its file changes. No message, log or answer shows a secret.

**While it runs.** Keys marked *live* can be changed without a restart: by `cqlproxy config set KEY VALUE`,
by `PATCH /config`, or by editing the file and sending SIGHUP, which applies what has changed in the file.
What cannot be changed so is named in the log (`needs a restart`). What `config set` changes lasts until the
proxy ends, since the file is as it was; but for the mode, which is kept in the state file.
"""


def reference() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from _section("", "Keys of the file itself", "")
    for key in keys().values():
        if key.section is not None:
            yield from _section(f"{key.path}.", f"`{key.path}`", meaning(key))


def _section(above: str, title: str, text: str) -> Iterator[str]:
    yield f"## {title}\n"
    if text:
        yield f"{_shown(text)}\n"
    yield "| key | value | default | what it is | environment |"
    yield "|---|---|---|---|---|"
    for key in keys().values():
        name = key.path.removeprefix(above)
        if key.path.startswith(above) and "." not in name and key.kind is not None:
            yield _row(name, key)
    yield ""


def _row(name: str, key: Key) -> str:
    assert key.kind is not None
    cells = (
        f"`{name}`" + (" *live*" if key.is_changeable else ""),
        key.kind.words,
        _default(key),
        meaning(key),
        f"`{key.variable}`",
    )
    return f"| {' | '.join(_shown(cell) for cell in cells)} |"


def _default(key: Key) -> str:
    if key.field.is_required():
        return "required"
    value = default(key)
    if value is None:
        return ""
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _shown(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
