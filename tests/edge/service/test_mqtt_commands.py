import json
from pathlib import Path

import pytest

from edge.config import Config, Fusion
from edge.errors import PayloadError
from edge.service.mqtt_commands import MqttCommands, parse_text
from edge.service.pause import Pause
from edge.values import Observation, TextMessage
from tests.support.clock import FakeClock


class Receiver:
    """Commands, and what came of them."""

    def __init__(self, folder: Path) -> None:
        self.pause = Pause(folder)
        self.texts: list[TextMessage] = []
        self.observations: list[Observation] = []
        self.answers: list[tuple[str, str]] = []
        self._commands = MqttCommands(
            Config(fusion=Fusion(outside=("posture",))),
            FakeClock(),
            self.pause,
            self.texts.append,
            self.observations.append,
            lambda command, reason: self.answers.append((command, reason)),
        )

    def __call__(self, name: str, payload: bytes, retained: bool = False) -> None:
        self._commands.receive(name, payload, retained)


def test_a_retained_pause_is_obeyed_and_a_retained_end_of_it_is_not(tmp_path: Path) -> None:
    receive = Receiver(tmp_path)
    receive("pause", b"on", retained=True)
    assert receive.pause.is_on
    receive("pause", b"off", retained=True)
    receive("pause", b"")  # the retained message is taken back
    assert receive.pause.is_on
    receive("pause", b" Off\n")
    assert not receive.pause.is_on
    assert receive.answers == []


def test_old_texts_and_observations_are_ignored(tmp_path: Path) -> None:
    receive = Receiver(tmp_path)
    receive("text", b"hello", retained=True)
    receive("text", b"hello again")
    assert [one.text for one in receive.texts] == ["hello again"]


def test_while_paused_nothing_is_taken(tmp_path: Path) -> None:
    receive = Receiver(tmp_path)
    receive("pause", b"on")
    receive("text", b"hello")
    receive("observation", b'{"modality": "posture", "probabilities": {"sad": 1.0}}')
    assert (receive.texts, receive.observations) == ([], [])
    assert {reason for _, reason in receive.answers} == {"paused; send `off` to set/pause first"}


def test_an_observation_is_taken_as_of_now(tmp_path: Path) -> None:
    receive = Receiver(tmp_path)
    payload = {"modality": "posture", "probabilities": {"sad": 0.7, "happy": 0.3}, "quality": 0.5}
    receive("observation", json.dumps(payload).encode())
    (observation,) = receive.observations
    assert (observation.modality, observation.quality, observation.captured_s) == (
        "posture",
        0.5,
        100.0,
    )
    assert observation.probabilities.tolist() == pytest.approx([0, 0, 0, 0.3, 0, 0.7, 0])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"my secret", "not an observation as described in docs/mqtt.md"),
        (b"\xff", "not an observation as described in docs/mqtt.md"),
        (b'["my secret"]', "not an observation as described in docs/mqtt.md"),
        (b'{"modality": "posture"}', "not an observation as described in docs/mqtt.md"),
        (
            b'{"modality": "posture", "my secret": 1}',
            "not an observation as described in docs/mqtt.md",
        ),
        (b'{"modality": "posture", "probabilities": {"my secret": 1}}', "$.probabilities"),
        (b'{"modality": "posture", "probabilities": {"sad": 2}}', "$.probabilities"),
        (b'{"modality": "posture", "probabilities": {"sad": 0.4}}', "not a distribution"),
        (b'{"modality": "my secret", "probabilities": {"sad": 1}}', "fusion.outside (posture)"),
        (b"x" * 5000, "5000 bytes are more than the 4096 allowed"),
    ],
)
def test_a_bad_observation_is_answered_and_never_quoted(
    tmp_path: Path, payload: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    receive = Receiver(tmp_path)
    receive("observation", payload)
    ((command, answer),) = receive.answers
    assert command == "set/observation"
    assert reason in answer
    assert "secret" not in answer + caplog.text


@pytest.mark.parametrize(
    ("payload", "text", "subject"),
    [
        (b"I am happy", "I am happy", 0),
        ("schön 😀".encode(), "schön 😀", 0),
        (b'{"text": "hello", "subject": 3}', "hello", 3),
        (b' {"text": "hello"}', "hello", 0),
    ],
)
def test_texts_are_taken_plain_or_as_json(payload: bytes, text: str, subject: int) -> None:
    message = parse_text(payload, 5.0, 8192)
    assert (message.text, message.subject, message.received_s) == (text, subject, 5.0)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "text is empty"),
        (b" \n\t", "text is empty"),
        (b'{"text": ""}', "text is empty"),
        (b"x" * 1_000_000, "text of 1000000 bytes is longer than the 8192 allowed"),
        (b"secret \xff", "text is not UTF-8 .byte 7"),
        (b'{"txet": "secret"}', "starts like JSON but is not"),
        (b'{"text": 5}', "starts like JSON but is not"),
        (b"{secret", "starts like JSON but is not"),
    ],
)
def test_texts_at_fault_are_refused_without_being_quoted(payload: bytes, sentence: str) -> None:
    with pytest.raises(PayloadError, match=sentence) as caught:
        parse_text(payload, 0.0, 8192)
    assert "secret" not in str(caught.value)
