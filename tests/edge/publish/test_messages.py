import json
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest

import edge
from edge.config import Models
from edge.perception.loader import ModelLoader
from edge.publish.composer import Composer
from edge.publish.messages import (
    SCHEMAS,
    EventMessage,
    amended,
    json_schema,
)
from edge.tracking.episodes import Change, State
from edge.values import Belief, TextMessage
from tests.support.clock import FakeClock
from tests.support.messages import STATE, messages
from tests.support.observations import distribution
from tests.support.packs import pack_with_own_labels


@pytest.mark.parametrize("topic", list(SCHEMAS))
def test_the_schemas_that_ship_are_those_of_the_code(topic: str) -> None:
    shipped = json.loads((Path(edge.__file__).parent / "schemas" / f"{topic}.json").read_text())
    assert shipped == json_schema(topic), f"emotiond schema {topic} > edge/schemas/{topic}.json"


@pytest.mark.parametrize("topic", list(SCHEMAS))
def test_every_message_validates_against_its_schema(topic: str) -> None:
    payload = messages()[topic]
    jsonschema.validate(payload, json_schema(topic))
    payload["specversion"] = "0.9"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(payload, json_schema(topic))


def test_an_event_has_time_emotion_and_contributions() -> None:
    event = messages()["event"]
    assert (event["specversion"], event["type"]) == ("1.0", "emotiond.event")
    assert event["source"] == "emotion/kiosk"
    assert event["id"] == "one episode"
    data = event["data"]
    assert (data["emotion"], data["phase"], data["duration_s"]) == ("happy", "start", 1.5)
    assert data["confidence"] == pytest.approx(0.8)
    assert sum(data["probabilities"].values()) == pytest.approx(1.0, abs=1e-3)
    assert data["contributions"] == {"face": 0.6, "speech": 0.4}
    assert data["valence"] > 0
    assert data["replayed"] is False


def test_a_state_without_belief_is_unknown_and_empty() -> None:
    empty = Composer("emotion/kiosk", FakeClock()).state(State("unknown", None, 0, 0, 100.0))
    assert (empty.data.emotion, empty.data.confidence, empty.data.probabilities) == (
        "unknown",
        0.0,
        {},
    )
    jsonschema.validate(json.loads(msgspec.json.encode(empty)), json_schema("state"))


def test_a_replayed_event_is_marked_and_otherwise_unchanged() -> None:
    event = Composer("emotion/kiosk", FakeClock()).event(Change("id", 3, "end", STATE, 98.0))
    payload = amended(msgspec.json.encode(event), replayed=True)
    replayed = msgspec.json.decode(payload, type=EventMessage)
    assert replayed.data.replayed
    assert (replayed.id, replayed.time, replayed.data.sequence) == ("id", event.time, 3)


def test_confidence_of_an_unknown_emotion_is_that_of_the_most_probable() -> None:
    belief = Belief(distribution({"sad": 0.35}), {"face": 1.0}, 0.0)
    assert State("unknown", belief, 0, 0, 0.0).confidence == pytest.approx(0.35)
    assert np.isclose(belief.probabilities.sum(), 1.0)


def test_labels_of_ones_own_are_published_as_native_and_count_as_the_emotion_they_are_mapped_to(
    tmp_path: Path,
) -> None:
    pack_with_own_labels(tmp_path, "text")
    reader = ModelLoader(Models(folder=str(tmp_path))).text
    composer = Composer("emotion/kiosk", FakeClock())
    message = composer.modality(reader.perceive(TextMessage("I am so happy!", 0.0)))
    jsonschema.validate(json.loads(msgspec.json.encode(message)), json_schema("modality"))
    assert message.data.emotion == "happy"
    assert max(message.data.native, key=message.data.native.__getitem__) == "engaged"
    dull = composer.modality(reader.perceive(TextMessage("the table is made of wood", 0.0))).data
    assert max(dull.native, key=dull.native.__getitem__) == "bored"
    assert dull.probabilities["neutral"] < dull.native["bored"]
