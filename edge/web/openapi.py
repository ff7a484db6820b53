"""The OpenAPI document, from the table of endpoints and the types of their bodies."""

from http import HTTPStatus
from typing import Any

import msgspec

from edge import __version__
from edge.web.routes import ENDPOINTS, Endpoint

REFERENCE = "#/components/schemas/{name}"
AT_THE_GATE = (401, 403, 421, 429)
"""Statuses that any request may get before its endpoint: edge/web/safety.py."""
ACCEPTED = ("/api/devices/{device}/pause",)
"""Paths whose answer is 202: the device obeys later."""


class Failure(msgspec.Struct, frozen=True):
    """A refusal: what happened, with which value, and what to do."""

    error: str


def document() -> dict[str, Any]:
    """Returns the document, OpenAPI 3.1."""
    types = [one for endpoint in ENDPOINTS for one in (endpoint.answer, endpoint.body)]
    named = [one for one in types if not isinstance(one, str | tuple) and one is not None]
    schemas, components = msgspec.json.schema_components([*named, Failure], ref_template=REFERENCE)
    by_type = {str(one): schema for one, schema in zip([*named, Failure], schemas, strict=True)}
    paths: dict[str, Any] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "emotiond",
            "version": __version__,
            "description": "Reads emotions in texts, pictures, sounds and videos, and shows what "
            "the devices of a broker publish. Nothing that is sent here is kept.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    status = "202" if endpoint.path in ACCEPTED else "200"
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "responses": {status: _answer(endpoint, by_type)}
        | {
            str(code): _refusal(code, by_type)
            for code in sorted({*AT_THE_GATE, *endpoint.refusals})
        },
    }
    if isinstance(endpoint.body, tuple):
        content = {"multipart/form-data": {"schema": _form(endpoint.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.body is not None:
        content = {"application/json": {"schema": by_type[str(endpoint.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    if "{device}" in endpoint.path:
        operation["parameters"] = [
            {"name": "device", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return operation


def _answer(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    if isinstance(endpoint.answer, str):
        return {"description": "OK", "content": {endpoint.answer: {"schema": {"type": "string"}}}}
    content = {"application/json": {"schema": by_type[str(endpoint.answer)]}}
    return {"description": "OK", "content": content}


def _refusal(code: int, by_type: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": by_type[str(Failure)]}}
    return {"description": HTTPStatus(code).phrase, "content": content}


def _form(parts: tuple[str, ...]) -> dict[str, Any]:
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    properties = {one: {"type": "string"} if one == "text" else file for one in parts}
    required = {"required": list(parts)} if len(parts) == 1 else {"minProperties": 1}
    return {"type": "object", "properties": properties, **required}
