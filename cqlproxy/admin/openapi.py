"""The OpenAPI document of the admin API, made of the declarations that serve the requests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cqlproxy import __version__
from cqlproxy.admin.authorization import OPEN_PATHS
from cqlproxy.admin.operations import JSON, Operation
from cqlproxy.admin.request_body import MAX_BODY_BYTES
from cqlproxy.admin.shapes import Problem

Document = dict[str, Any]

_ABOUT: Final = """\
What operators, their tools and programs without a CQL driver ask of a running cqlproxy.

Where a token is configured, requests carry it: `Authorization: Bearer TOKEN`. Whatever is refused is answered
with a `Problem`, which names the fields at fault. Calls that change something may be repeated.
"""
_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_TYPES: Final = {"int": "integer", None: "string"}
_REFERENCE: Final = "#/components/schemas/{model}"


def document(operations: Iterable[Operation]) -> Document:
    """The document, of OpenAPI 3.1. Takes a while: not for the event loop."""
    found = list(operations)
    schemas = _Schemas(found)
    paths: dict[str, Document] = {}
    for operation in found:
        path = _PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cqlproxy admin API", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def encoded(operations: Iterable[Operation]) -> bytes:
    """The document as it is served."""
    return json.dumps(document(operations), separators=(",", ":")).encode()


class _Schemas:
    """The JSON Schemas of all models that some operations name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        models: dict[type[BaseModel], None] = {Problem: None}
        self._queries: dict[type[BaseModel], Document] = {}
        for operation in operations:
            if operation.query is not None:
                self._queries[operation.query] = operation.query.model_json_schema(ref_template=_REFERENCE)
            for model in (operation.body, operation.answer, operation.refusal):
                if model is not None:
                    models[model] = None
        references, found = models_json_schema(
            [(model, "validation") for model in models], ref_template=_REFERENCE
        )
        self._references = {model: schema for (model, _), schema in references.items()}
        self.definitions: Document = dict(found["$defs"])
        for schema in self._queries.values():
            self.definitions.update(schema.get("$defs", {}))

    def of(self, model: type[BaseModel]) -> Document:
        return dict(self._references[model])

    def parameters(self, query: type[BaseModel]) -> Iterator[Document]:
        for name, schema in self._queries[query]["properties"].items():
            said = {"name": name, "in": "query", "required": False}
            if "description" in schema:
                said["description"] = schema["description"]
            yield {**said, "schema": _without_null(schema)}


def _without_null(schema: Mapping[str, Any]) -> Document:
    """A query says nothing where a body may say null."""
    kept = {key: value for key, value in schema.items() if key not in ("description", "title", "default")}
    choices = [one for one in kept.pop("anyOf", []) if one != {"type": "null"}]
    if len(choices) == 1:
        kept.update(choices[0])
    elif choices:
        kept["anyOf"] = choices
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    return kept


def _operation(operation: Operation, schemas: _Schemas) -> Document:
    said: Document = {
        "operationId": f"{operation.method.lower()}{re.sub(r'[^a-z]+', '_', _bare(operation.path))}",
        "tags": [_bare(operation.path).split("/")[1]],
        "summary": operation.summary,
        "responses": _responses(operation, schemas),
        "security": [] if operation.path in OPEN_PATHS else [{"token": []}],
    }
    if operation.description:
        said["description"] = operation.description
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": _TYPES[kind or None]}}
        for name, kind in _PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        parameters += schemas.parameters(operation.query)
    if parameters:
        said["parameters"] = parameters
    if operation.body is not None:
        content = {JSON: {"schema": schemas.of(operation.body)}}
        said["requestBody"] = {"required": operation.body_required, "content": content}
    return said


def _bare(path: str) -> str:
    return _PARAMETER.sub(r"\1", path)


def _responses(operation: Operation, schemas: _Schemas) -> Document:
    answer: Document = {"schema": {"type": "string"}}
    if operation.answer is not None:
        answer = {"schema": schemas.of(operation.answer)}
    responses: Document = {"200": {"description": "Done.", "content": {operation.media: answer}}}
    refusals = dict(operation.refusals)
    if operation.path not in OPEN_PATHS:
        refusals[401] = "Not the token that is configured."
    if operation.query is not None or operation.body is not None:
        refusals[422] = "Something is wrong with what was asked: `field` says where."
    if operation.body is not None:
        refusals[413] = f"The body is longer than {MAX_BODY_BYTES} bytes."
    for status, when in sorted(refusals.items()):
        own = operation.refusal is not None and status in operation.refusals
        shape = operation.refusal if own and operation.refusal is not None else Problem
        responses[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}. {when}",
            "content": {JSON: {"schema": schemas.of(shape)}},
        }
    return responses
