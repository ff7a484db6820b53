"""The examples in the documents fit this version."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from edge.clock import Clock
from edge.commands.bench_report import BenchReport
from edge.commands.doctor.doctor import Doctor
from edge.commands.doctor.report import report_schema
from edge.config import Config, Models
from edge.emotions import EMOTIONS
from edge.perception.loader import ModelLoader
from edge.publish.messages import SCHEMAS, json_schema
from edge.resources import MODELS
from edge.service.mqtt_commands import parse_models, parse_observation, parse_text
from edge.values import TextMessage
from tests.support.messages import messages

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "mqtt.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", TEXT, re.M | re.S))
HEADINGS = {topic: topic for topic in SCHEMAS} | {"modality": "modality state"}


def example(heading: str) -> str:
    found = re.findall(r"```json\n(.+?)```", SECTIONS[heading], re.S)
    assert len(found) == 1
    return str(found[0])


def shape(value: Any) -> Any:
    """Returns the keys of nested objects; mappings by name are not descended into."""
    named = {"models", "stages", "dropped", "queued", "probabilities", "contributions", "native"}
    if not isinstance(value, dict):
        return None
    return {key: None if key in named else shape(one) for key, one in value.items()}


@pytest.mark.parametrize("topic", list(SCHEMAS))
def test_every_payload_has_a_valid_example(topic: str) -> None:
    shown = json.loads(example(HEADINGS[topic]))
    jsonschema.validate(shown, json_schema(topic))
    assert shape(shown) == shape(messages()[topic])


def test_the_documented_commands_are_accepted() -> None:
    assert parse_text(example("set text").encode(), 0.0, 8192).text.startswith("I am so happy")
    observation = parse_observation(example("set observation").encode(), 0.0, ["posture"])
    assert observation.quality == 0.8
    assert parse_models(example("set models").encode()).version == "1.2.0"


def test_the_table_of_topics_links_to_existing_sections() -> None:
    links = re.findall(r"^\| \[`D/[^`]+`\]\(#([^)]+)\)", TEXT, re.M)
    assert {link.replace("-", " ") for link in links} <= set(SECTIONS)
    assert len(links) == 14


def test_the_page_on_the_doctor_names_every_check_and_shows_a_valid_report() -> None:
    page = (DOCS / "doctor.md").read_text(encoding="utf-8")
    table = "".join(re.findall(r"^\| (`.+?) \|", page, re.M))
    assert re.findall(r"`([^`]+)`", table) == list(Doctor(Config(), Clock(), 1.0).checks)
    (report,) = re.findall(r"```json\n(.+?)```", page, re.S)
    jsonschema.validate(json.loads(report), report_schema())


def test_the_form_of_a_benchmark_report_is_the_one_that_is_printed() -> None:
    page = (DOCS / "platforms.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.+?)```", page, re.S)
    report = msgspec.json.decode(shown, type=BenchReport, strict=True)
    assert shape(json.loads(shown)) == shape(msgspec.to_builtins(report))


SENTENCE = re.compile(r"^\| (.+) \| ([a-z, ]+) \| ([a-z]+) (\d+) %, ([a-z]+) (\d+) % \| (.*?) ?\|$")


def test_the_sentences_of_the_text_card_get_the_documented_answers() -> None:
    page = (MODELS / "text.md").read_text(encoding="utf-8")
    rows = [found.groups() for line in page.splitlines() if (found := SENTENCE.match(line))]
    assert len(rows) == 60
    reader = ModelLoader(Models()).text
    for text, meant, first, share, second, other, verdict in rows:
        answer = reader.perceive(TextMessage(text, 0.0)).probabilities
        of = dict(zip(EMOTIONS, 100 * answer, strict=True))
        # int8 differs a little between machines.
        assert (of[first], of[second]) == pytest.approx((float(share), float(other)), abs=3), text
        assert max(of.values()) <= of[first] + 3, text
        assert verdict == ("" if first in meant.split(", ") else "wrong"), text
