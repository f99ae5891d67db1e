"""The OpenAPI document, made from the endpoints: it cannot say other than they do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter

from preceptor._version import __version__
from preceptor.review.api.endpoint import KINDS, Endpoint

_REF = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{(\w+)\}")
_ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message", "hint"],
            "additionalProperties": False,
            "properties": {
                "kind": {"type": "string", "enum": sorted({*KINDS.values(), "refused"})},
                "message": {"type": "string"},
                "hint": {"type": "string"},
            },
        }
    },
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Preceptor review",
            "version": __version__,
            "description": "Results are {data, total, next}, errors are {error: {kind, message, hint}}.",
        },
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "preceptor_review"},
            },
        },
    }


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", f"{endpoint.method} {endpoint.path.removeprefix('/api/')}").strip("_").lower()
    told: dict[str, Any] = {
        "operationId": name,
        "summary": endpoint.summary,
        "description": f"Needs the role {endpoint.role}.",
        "parameters": [
            {
                "name": place,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            }
            for place in _PLACE.findall(endpoint.path)
        ],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.query:
        told["parameters"] += _parameters(endpoint.query)
    if endpoint.body:
        schema = _schema(endpoint.body, "validation", schemas)
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return told


def _responses(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    data = _schema(endpoint.gives, "serialization", schemas)
    result = {
        "type": "object",
        "required": ["data", "total", "next"],
        "additionalProperties": False,
        "properties": {
            "data": data,
            "total": {"type": ["integer", "null"]},
            "next": {"type": ["string", "null"]},
        },
    }
    statuses = [401, 403, 409]
    if "{" in endpoint.path or endpoint.query:
        statuses.append(404)
    if endpoint.query or endpoint.body:
        statuses.append(422)
    if endpoint.body:
        statuses += [400, 413, 415]
    error = {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}}
    return {
        str(endpoint.status): {"description": "the result", "content": {"application/json": {"schema": result}}},
        **{str(s): {"description": KINDS[s], "content": error} for s in sorted(statuses)},
    }


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    told = model.model_json_schema(ref_template=_REF)
    properties: Mapping[str, Any] = told.get("properties", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()
    ]


def _schema(kind: Any, mode: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    told = TypeAdapter(kind).json_schema(mode=mode, ref_template=_REF)
    named: dict[str, Any] = told.pop("$defs", {})
    whole = "title" in told and told.get("type") == "object"
    if whole:
        named[str(told["title"])] = told
    for name, schema in named.items():
        if schemas.setdefault(name, schema) != schema:
            raise TypeError(f"two shapes of the API are called {name}")  # one would be told in the other's place
    return {"$ref": _REF.format(model=told["title"])} if whole else told
