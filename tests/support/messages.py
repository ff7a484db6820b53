"""A message of every topic."""

import json
from typing import Any

import msgspec

from edge.publish.composer import Composer
from edge.publish.messages import Envelope
from edge.publish.payloads import NOTHING_DELIVERED, HealthData, LoadData, ModelInfo, ModelsData
from edge.service.health import Health
from edge.service.meter import Meter
from edge.tracking.episodes import Change, State
from edge.values import Belief
from tests.support.clock import FakeClock
from tests.support.observations import distribution, observation

STATE = State(
    "happy", Belief(distribution({"happy": 0.8}), {"face": 0.6, "speech": 0.4}, 99.5), 1, 0, 99.5
)


def health() -> HealthData:
    meter = Meter()
    meter.note(0.004)
    load = LoadData(level=3, reason="temperature", fps=7.5, detect_every=4)
    delivery = msgspec.structs.replace(NOTHING_DELIVERED, reconnects=1)
    return Health(0.0).data(30.0, {"face": meter}, {"face": 2}, {"face": 0}, delivery, load)


def messages() -> dict[str, Any]:
    composer = Composer("emotion/kiosk", FakeClock())
    made: dict[str, Envelope] = {
        "state": composer.state(STATE),
        "event": composer.event(Change("one episode", 0, "start", STATE, 98.0)),
        "modality": composer.modality(observation("sad", 0.6)),
        "info": composer.info({"face": ModelInfo("face", "1", "ab")}, ["face"]),
        "models": composer.models(
            ModelsData(state="failed", version="1", previous="", wanted="2", reason="unsigned")
        ),
        "health": composer.health(health()),
        "error": composer.error("set/text", "text is empty"),
    }
    return {topic: json.loads(msgspec.json.encode(one)) for topic, one in made.items()}
