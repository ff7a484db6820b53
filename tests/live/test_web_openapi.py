"""The API describes itself, and answers as described."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.web.openapi import document
from edge.web.routes import ENDPOINTS
from tests.support.web import Site, site


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site() as running:
        yield running


def schema(path: str, method: str, status: int) -> Any:
    described = document()
    operation = described["paths"][path][method]
    (content,) = operation["responses"][str(status)]["content"].values()
    return content["schema"] | {"components": described["components"]}


def test_every_endpoint_is_described_and_its_description_served(web: Site) -> None:
    served = web.get("/openapi.json").json
    assert served["openapi"] == "3.1.0"
    assert {(one.path, one.method.lower()) for one in ENDPOINTS} == {
        (path, method) for path, methods in served["paths"].items() for method in methods
    }
    assert all(
        operation["summary"].endswith(".")
        for methods in served["paths"].values()
        for operation in methods.values()
    )


def test_every_refusal_is_described(web: Site) -> None:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            statuses = set(operation["responses"])
            assert {"401", "403", "421", "429"} <= statuses, (method, path)
            if "requestBody" in operation:
                assert {"408", "413", "415", "422", "503"} <= statuses, (method, path)
    assert "504" in document()["paths"]["/api/devices/{device}/pause"]["post"]["responses"]
    for headers in ({"Host": "elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = web.get("/api/health", **headers)
        jsonschema.validate(refused.json, schema("/api/health", "get", refused.status))


@pytest.mark.parametrize("path", ["/api/health", "/api/models", "/api/devices"])
def test_what_is_answered_is_what_is_described(web: Site, path: str) -> None:
    jsonschema.validate(web.get(path).json, schema(path, "get", 200))


def test_predictions_and_refusals_are_as_described(web: Site) -> None:
    answer = web.post("/api/predict", {"text": "I am so happy!"})
    jsonschema.validate(answer.json, schema("/api/predict", "post", 200))
    clip = web.upload("/api/predict/video", video=HAPPY_CLIP.read_bytes())
    jsonschema.validate(clip.json, schema("/api/predict/video", "post", 200))
    refused = web.post("/api/predict", {})
    jsonschema.validate(refused.json, schema("/api/predict", "post", refused.status))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(refused.json, schema("/api/predict", "post", 200))
