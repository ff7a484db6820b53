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
        self.pause, self.clock = Pause(folder), FakeClock()
        self.texts: list[TextMessage] = []
        self.observations: list[Observation] = []
        self.answers: list[tuple[str, str]] = []
        self.updates: list[tuple[str, str, bool]] = []
        self._commands = MqttCommands(
            Config(fusion=Fusion(outside=("posture",))),
            self.clock,
            self.pause,
            self.texts.append,
            self.observations.append,
            lambda command, reason: self.answers.append((command, reason)),
            lambda *command: self.updates.append(command),
        )

    def __call__(
        self, name: str, payload: bytes, retained: bool = False, age_s: float = 0.0
    ) -> None:
        self._commands.receive(name, payload, retained, age_s)


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


@pytest.mark.parametrize(("on", "off"), [(b"on", b"off"), (b"True", b"false"), (b"1", b"0")])
def test_a_pause_is_switched_by_any_usual_word(tmp_path: Path, on: bytes, off: bytes) -> None:
    receive = Receiver(tmp_path)
    receive("pause", on)
    assert receive.pause.is_on
    receive("pause", off)
    assert not receive.pause.is_on


def test_who_pauses_a_device_that_cannot_remember_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    receive = Receiver(tmp_path / "file")
    receive("pause", b"on")
    assert receive.pause.is_on
    ((command, reason),) = receive.answers
    assert command == "set/pause"
    assert reason.startswith("obeyed, but the pause cannot be stored (")


def test_a_flood_of_texts_is_cut_and_answered_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receive = Receiver(tmp_path)
    for _ in range(1000):
        receive.clock.moment_s += 0.01
        receive("text", b"hello")
    assert len(receive.texts) == 69  # 20 at once, then 5 a second
    assert receive.answers == [("set/text", "more than 5 a second are not obeyed")]
    assert len(caplog.records) == 1
    receive.clock.moment_s += 60
    receive("text", b"hello")
    assert len(receive.texts) == 70


def test_a_flood_of_switches_ends_paused_and_touches_the_disk_a_few_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    receive = Receiver(tmp_path)
    for _ in range(500):
        receive("pause", b"on")
        assert receive.pause.is_on  # always obeyed
        receive("pause", b"off")
    assert len(caplog.records) == 12  # five pauses ended, and the last one not
    assert receive.answers == [("set/pause", "more than 0.2 a second are not obeyed")]


def test_what_waited_too_long_at_the_broker_is_refused_except_a_pause(tmp_path: Path) -> None:
    receive = Receiver(tmp_path)
    receive("text", b"fresh enough", age_s=4.9)
    receive("text", b"stale", age_s=5.1)
    receive("observation", b'{"modality": "posture", "probabilities": {"sad": 1}}', age_s=5.1)
    assert [one.text for one in receive.texts] == ["fresh enough"]
    assert receive.observations == []
    assert [command for command, _ in receive.answers] == ["set/text", "set/observation"]
    assert "longer than fusion.max_age_s, which is 5 s; send it again" in receive.answers[0][1]
    receive("pause", b"on", age_s=1000.0)
    assert receive.pause.is_on


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
        (b'{"text": "secret", "subject": -1}', "starts like JSON but is not"),
        (b'{"text": "secret", "subject": 99999999999999999999}', "starts like JSON but is not"),
        (b"{secret", "starts like JSON but is not"),
    ],
)
def test_texts_at_fault_are_refused_without_being_quoted(payload: bytes, sentence: str) -> None:
    with pytest.raises(PayloadError, match=sentence) as caught:
        parse_text(payload, 0.0, 8192)
    assert "secret" not in str(caught.value)


def test_a_bundle_of_models_is_asked_for_by_version_and_hash_alone(tmp_path: Path) -> None:
    receive = Receiver(tmp_path)
    receive("models", b'{"version": "1.2", "sha256": "%b"}' % (b"a" * 64), retained=True)
    receive("models", b"", retained=True)  # the retained message is taken back
    assert receive.updates == [("1.2", "a" * 64, True)]
    assert receive.answers == []


@pytest.mark.parametrize(
    "payload",
    [
        b"1.2",
        b"[" * 900,
        b"{" * 2000,
        b'{"version": "1.2"}',
        b'{"version": "../1", "sha256": "%b"}' % (b"a" * 64),
        b'{"version": "1/2", "sha256": "%b"}' % (b"a" * 64),
        b'{"version": "1.2", "sha256": "%b"}' % (b"A" * 64),
        b'{"version": "1.2", "sha256": "%b", "source": "http://x"}' % (b"a" * 64),
    ],
)
def test_a_command_for_models_that_says_anything_else_is_refused(
    tmp_path: Path, payload: bytes
) -> None:
    receive = Receiver(tmp_path)
    receive("models", payload)
    ((command, reason),) = receive.answers
    assert command == "set/models"
    assert "expected {" in reason or "more than the 1024 allowed" in reason
    assert receive.updates == []
