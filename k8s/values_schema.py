"""``python -m k8s.values_schema``: the schema of the chart's values, with the program's configuration in it.

What the chart itself asks for is written by hand in values.schema.json; its `properties.config` is made here.
Keys that follow from other values are left out, so that Helm refuses them: a password in a ConfigMap, say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from cqlproxy.config.schema import schema

FILE: Final = Path(__file__).parent / "cqlproxy" / "values.schema.json"

OF_THE_CHART: Final = frozenset(
    {
        "state_file",
        "filters",
        "mirror.journal_path",
        "admin.token",
        "admin.token_file",
        "admin.tls",
        "listen.tls",
        *(f"{side}.{key}" for side in ("primary", "shadow") for key in ("password", "password_file", "tls")),
    }
)
"""Keys of the configuration that the chart gives."""


def whole() -> dict[str, object]:
    """The schema of all values, by the file and by the program as they are now."""
    written: dict[str, object] = json.loads(FILE.read_text())
    properties = written["properties"]
    assert isinstance(properties, dict)
    return {**written, "properties": {**properties, "config": configuration()}}


def configuration() -> dict[str, object]:
    """The schema of `config`. Helm 3 before 3.18 reads draft 7 only, in which all of this means the same."""
    of_program = {key: value for key, value in schema().items() if key not in ("$schema", "title")}
    return {"description": "proxy.yaml, but for what follows from other values.", **_less(of_program, "")}


def _less(section: Mapping[str, object], above: str) -> dict[str, object]:
    """A section without the keys of the chart; `above` is its path with a dot, or nothing."""
    return {
        **section,
        "required": [name for name in _names(section["required"]) if above + name not in OF_THE_CHART],
        "properties": dict(_left(section["properties"], above)),
    }


def _names(required: object) -> list[str]:
    assert isinstance(required, list)
    return required


def _left(properties: object, above: str) -> Iterator[tuple[str, object]]:
    assert isinstance(properties, dict)
    for name, value in properties.items():
        path = above + name
        if path not in OF_THE_CHART:
            yield name, _less(value, f"{path}.") if "properties" in value else value


def main() -> None:
    FILE.write_text(json.dumps(whole(), indent=2) + "\n")


if __name__ == "__main__":
    main()
