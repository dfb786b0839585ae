"""docs/api.md, made of the API's document. Print it with ``python -m cqlproxy.admin.reference``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from cqlproxy.admin.endpoints import operations
from cqlproxy.admin.openapi import Document, document
from cqlproxy.admin.operations import JSON
from cqlproxy.admin.view import View

_MADE = "<!-- Made by `python -m cqlproxy.admin.reference`. -->"
_BESIDE = """\
A running proxy serves this as OpenAPI 3.1 at `/openapi.json`, and at `/docs` as a page that tries the calls,
both without internet and without a token."""


class NoProxy:
    """In the place of a proxy, where calls are only told of."""

    config = rules = mirrors = writes = None


def api() -> Document:
    """The document, without a proxy."""
    return document(operations(cast(View, NoProxy())))


def reference() -> str:
    """The page."""
    found = api()
    described = found["info"]["description"].strip()
    parts = ["# Admin API", _MADE, described, _BESIDE, _contents(found)]
    for path, methods in found["paths"].items():
        for method, call in methods.items():
            parts += _call(method.upper(), path, call, found["components"]["schemas"])
    parts.append("## Models")
    for name, schema in found["components"]["schemas"].items():
        parts += _model(name, schema)
    return "\n\n".join(parts) + "\n"


def _contents(found: Document) -> str:
    lines = ["| call | |", "|---|---|"]
    for path, methods in found["paths"].items():
        for method, call in methods.items():
            lines.append(f"| [`{method.upper()} {path}`](#{_anchor(method, path)}) | {call['summary']} |")
    return "\n".join(lines)


def _anchor(method: str, path: str) -> str:
    """As GitHub makes it of the heading."""
    kept = [sign for sign in f"{method} {path}".lower() if sign.isalnum() or sign in " -_"]
    return "".join(kept).replace(" ", "-")


def _call(method: str, path: str, call: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method} {path}"
    yield f"{call['summary']}." + ("" if call["security"] else " Needs no token.")
    if "description" in call:
        yield call["description"].strip()
    if "parameters" in call:
        lines = ["| parameter | in | type | |", "|---|---|---|---|"]
        for one in call["parameters"]:
            said = one.get("description", "")
            lines.append(f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} | {said} |")
        yield "\n".join(lines)
    if "requestBody" in call:
        schema = call["requestBody"]["content"][JSON]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        optional = "" if call["requestBody"]["required"] else ", which may be left out"
        if schemas[name].get("properties"):
            yield f"The body{optional}:"
            yield _fields(schemas[name])
    lines = ["| status | answer | |", "|---|---|---|"]
    for status, answer in call["responses"].items():
        ((media, content),) = answer["content"].items()
        what = _type(content["schema"]) if media == JSON else f"`{media}`"
        lines.append(f"| {status} | {what} | {answer['description']} |")
    yield "\n".join(lines)


def _model(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    if "description" in schema:
        yield schema["description"].replace("\n", " ")
    if "enum" in schema:
        yield _type(schema)
    elif schema.get("properties"):
        yield _fields(schema)


def _fields(schema: Mapping[str, Any]) -> str:
    lines = ["| field | type | |", "|---|---|---|"]
    for name, field in schema["properties"].items():
        required = "" if name in schema.get("required", []) else "?"
        said = field.get("description", "")
        if field.get("default") not in (None, []):
            said = f"{said} Default: `{field['default']}`.".strip()
        lines.append(f"| `{name}`{required} | {_type(field)} | {said} |")
    return "\n".join(lines)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}" if schema.get("items") else "array"
    return str(schema.get("type", "any"))


if __name__ == "__main__":
    print(reference(), end="")
