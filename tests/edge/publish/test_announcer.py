from dataclasses import replace
from pathlib import Path

from edge.config import Mqtt
from edge.publish.announcer import Announcer
from edge.publish.composer import Composer
from edge.publish.messages import EventMessage, Message
from edge.publish.publisher import Publisher
from edge.publish.unfinished import Unfinished
from edge.tracking.episodes import State
from edge.values import Belief
from tests.support.clock import FakeClock
from tests.support.observations import distribution, observation
from tests.support.publishing import event


class Recorder(Publisher):
    """Keeps what would be published."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, message: Message) -> None:
        self.topics.append(message.topic)


def _state(confidence: float, emotion: str = "happy", faces: int = 1) -> State:
    belief = Belief(distribution({emotion: confidence}), {"face": 1.0}, 0.0)
    return State(emotion, belief, faces, 0, 0.0)  # type: ignore[arg-type]


def _announcer(**settings: bool) -> tuple[Announcer, list[str]]:
    recorder = Recorder()
    config = Mqtt(heartbeat_s=10.0, modality_interval_s=0.2, **settings)  # type: ignore[arg-type]
    return Announcer(
        Composer("emotion/x", FakeClock()), recorder, config, Unfinished(None)
    ), recorder.topics


def test_an_event_is_remembered_as_unfinished_while_subscribers_may_see_no_end(
    tmp_path: Path,
) -> None:
    file = tmp_path / "episodes.json"

    class Crashing(Recorder):
        """Notes what a crash within `publish` would leave for the next process."""

        def publish(self, message: Message) -> None:
            if isinstance(message, EventMessage):
                self.topics.append(file.read_text().count('"id"') * message.data.phase)

    recorder = Crashing()
    composer = Composer("emotion/x", FakeClock())
    announcer = Announcer(composer, recorder, Mqtt(), Unfinished(file))
    for phase in ("start", "update", "end"):
        announcer.announce([replace(event(0), phase=phase)], _state(0.8), 0.0)
    assert recorder.topics == ["start", "update", "end"]
    assert Unfinished(file).take() == []


def test_an_unchanged_state_is_repeated_with_the_heartbeat_only() -> None:
    announcer, topics = _announcer()
    for tenth in range(205):
        announcer.announce([], _state(0.8), tenth / 10)
    assert topics == ["state"] * 3


def test_another_emotion_is_published_at_once() -> None:
    announcer, topics = _announcer()
    announcer.announce([], _state(0.8), 0.0)
    announcer.announce([], _state(0.8, "sad"), 0.1)
    assert len(topics) == 2


def test_small_changes_wait_and_large_ones_are_published_with_a_gap() -> None:
    announcer, topics = _announcer()
    announcer.announce([], _state(0.8), 0.0)
    announcer.announce([], _state(0.75), 1.0)
    assert len(topics) == 1
    announcer.announce([], _state(0.6), 1.1)
    announcer.announce([], _state(0.8), 2.0)
    assert len(topics) == 2
    announcer.announce([], _state(0.8), 2.2)
    assert len(topics) == 3


def test_a_face_that_flickers_does_not_flood() -> None:
    announcer, topics = _announcer()
    for tenth in range(20):
        announcer.announce([], replace(_state(0.8), faces=tenth % 2), tenth / 10)
    assert len(topics) == 2


def test_modalities_are_published_if_enabled_and_not_too_often() -> None:
    silent, nothing = _announcer()
    silent.announce_modality(observation("sad", 0.6), 0.0)
    assert nothing == []
    announcer, topics = _announcer(modality_states=True)
    for hundredth in range(100):
        announcer.announce_modality(observation("sad", 0.6), hundredth / 100)
    assert len(topics) == 5
