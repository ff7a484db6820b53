"""Events on synthetic streams: the right ones, soon enough, and not too many."""

from collections.abc import Iterable
from itertools import count

import msgspec
import numpy as np
import pytest

from benchmarks.harness.streams import (
    ANGRY,
    HAPPY,
    LOOKS_ANGRY,
    NEUTRAL,
    PERIOD_S,
    SAD,
    Face,
    sighting,
    times,
    voice,
)
from edge.config import Fusion, RestingFace, Tracking
from edge.fusion.model import load_fusion
from edge.fusion.pooling import STRATEGIES, fuse, log_linear
from edge.resources import MODELS
from edge.tracking.episodes import Change
from edge.tracking.tracker import Tracker
from edge.values import Observation, Sighting

MODEL = load_fusion(MODELS / "fusion.json")
DELAY_S = 1.0
"""Longest time from enough evidence of an emotion to its start."""
FIRST_MET_S = 2.0
"""Within this time somebody who is angry when first seen is published, rightly or not."""
ENOUGH = 3
"""Number of pictures in a row that are enough evidence of an emotion."""


def _tracker(strategy: str = "log_linear", tracking: Tracking | None = None) -> Tracker:
    ids = count(1)
    fusion = msgspec.structs.replace(Fusion(), strategy=strategy)
    return Tracker(tracking or Tracking(), fusion, MODEL, 0.0, lambda: f"episode {next(ids)}")


def _play(tracker: Tracker, stream: Iterable[Observation | Sighting]) -> list[Change]:
    changes = []
    for item in stream:
        changes += tracker.observe(item)
        changes += tracker.pass_time(item.captured_s)
    return changes


def _story(changes: Iterable[Change]) -> list[tuple[int, str, str]]:
    """Returns subject, phase and emotion of each change."""
    boundaries = [one for one in changes if one.phase != "update"]
    return [(one.state.subject, one.phase, str(one.state.emotion)) for one in boundaries]


def _starts(changes: Iterable[Change], emotion: str) -> list[float]:
    return [c.started_s for c in changes if c.phase == "start" and c.state.emotion == emotion]


def _evident_s(stream: list[Sighting], emotion: str, from_s: float) -> float:
    """Returns the time at which ENOUGH pictures in a row, each by itself, give the emotion."""
    fusion, shown = Fusion(), []
    for one in stream:
        if one.captured_s >= from_s:
            belief = fuse(
                one.observations, log_linear, MODEL, one.captured_s, half_life_s=fusion.half_life_s
            )
            named = belief.emotion == emotion and belief.confidence >= Tracking().min_confidence
            shown.append((one.captured_s, named))
    for index in range(len(shown)):
        if all(yes for _, yes in shown[index : index + ENOUGH]):
            return shown[index][0] + (ENOUGH - 1) * PERIOD_S
    raise AssertionError(f"{emotion} is never evident")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_person_who_becomes_happy(strategy: str, seed: int) -> None:
    face = Face(1, np.random.default_rng(seed))
    stream = [sighting(t, face.look(NEUTRAL, t)) for t in times(0, 20)]
    stream += [sighting(t, face.look(HAPPY, t)) for t in times(20, 30)]
    changes = _play(_tracker(strategy), stream)
    assert _story(changes) == [
        (1, "start", "neutral"),
        (1, "end", "neutral"),
        (1, "start", "happy"),
    ]
    assert _starts(changes, "neutral")[0] <= _evident_s(stream, "neutral", 0) + DELAY_S
    assert _starts(changes, "happy")[0] <= _evident_s(stream, "happy", 20) + DELAY_S


@pytest.mark.parametrize("shown", [HAPPY, ANGRY, SAD], ids=["happy", "angry", "sad"])
def test_half_of_all_changes_are_published_within_a_second(shown: dict[str, float]) -> None:
    emotion, delays = next(iter(shown)), []
    for seed in range(20):
        face = Face(1, np.random.default_rng(seed))
        stream = [sighting(t, face.look(NEUTRAL, t)) for t in times(0, 10)]
        stream += [sighting(t, face.look(shown, t)) for t in times(10, 16)]
        start_s = _starts(_play(_tracker(), stream), emotion)[0]
        assert start_s <= _evident_s(stream, emotion, 10) + DELAY_S
        delays.append(start_s - 10)
    assert np.median(delays) <= DELAY_S


@pytest.mark.parametrize("seed", range(5))
def test_a_person_who_becomes_angry_is_seen_and_stays_seen(seed: int) -> None:
    face = Face(1, np.random.default_rng(seed))
    stream = [sighting(t, face.look(NEUTRAL, t)) for t in times(0, 20)]
    stream += [sighting(t, face.look(ANGRY, t)) for t in times(20, 320)]
    changes = _play(_tracker(), stream)
    assert _story(changes)[1:] == [(1, "end", "neutral"), (1, "start", "angry")]
    assert _starts(changes, "angry")[0] <= _evident_s(stream, "angry", 20) + DELAY_S


@pytest.mark.parametrize("seed", range(5))
def test_who_comes_in_angry_is_published_within_two_seconds_and_stays_so(seed: int) -> None:
    face = Face(1, np.random.default_rng(seed))
    changes = _play(_tracker(), [sighting(t, face.look(ANGRY, t)) for t in times(0, 60)])
    assert _story(changes) == [(1, "start", "angry")]
    assert _starts(changes, "angry")[0] <= FIRST_MET_S


@pytest.mark.parametrize("seed", range(5))
def test_a_face_that_looks_angry_at_rest_is_no_anger_once_it_is_known(seed: int) -> None:
    face = Face(1, np.random.default_rng(seed))
    stream = [sighting(t, face.look(LOOKS_ANGRY, t)) for t in times(0, 90)]
    stream += [sighting(t, face.look(HAPPY, t)) for t in times(90, 96)]
    changes = _play(_tracker(), stream)
    assert [t for t in _starts(changes, "angry") if t > FIRST_MET_S] == []
    assert [t - 90 <= DELAY_S for t in _starts(changes, "happy")] == [True]
    plain = Tracking(resting_face=RestingFace(enabled=False))
    assert _starts(_play(_tracker(tracking=plain), stream), "angry") != []


def test_a_face_that_looks_angry_at_rest_may_become_angry() -> None:
    face = Face(1, np.random.default_rng(0))
    stream = [sighting(t, face.look(LOOKS_ANGRY, t)) for t in times(0, 60)]
    more = {"angry": LOOKS_ANGRY["angry"] + 3.0}
    stream += [sighting(t, face.look(more, t)) for t in times(60, 70)]
    assert [t >= 60 for t in _starts(_play(_tracker(), stream), "angry")] == [True]


def test_who_looks_away_for_a_moment_keeps_number_and_event() -> None:
    face = Face(1, np.random.default_rng(0))
    stream = [sighting(t, face.look(HAPPY, t)) for t in times(0, 10)]
    stream += [sighting(t, hidden=(1,)) for t in times(10, 11.5)]
    stream += [sighting(t, face.look(HAPPY, t)) for t in times(11.5, 20)]
    assert _story(_play(_tracker(), stream)) == [(1, "start", "happy")]


def test_noise_that_is_taken_for_speech_does_not_move_a_happy_face() -> None:
    rng = np.random.default_rng(0)
    face = Face(1, rng)
    stream: list[Observation | Sighting] = []
    for index, t in enumerate(times(0, 60)):
        stream.append(sighting(t, face.look(HAPPY, t)))
        if index % 3 == 0:
            emotion = rng.choice(["angry", "fear", "sad"])
            stream.append(voice({str(emotion): 3.0}, t, rng, quality=0.15))
    assert _story(_play(_tracker(), stream)) == [(1, "start", "happy")]


def test_who_leaves_ends_the_event() -> None:
    face = Face(1, np.random.default_rng(0))
    tracker = _tracker()
    stream = [sighting(t, face.look(HAPPY, t)) for t in times(0, 5)]
    stream += [sighting(t, hidden=(1,)) for t in times(5, 7)]
    stream += [sighting(t) for t in times(7, 8)]
    changes = _play(tracker, stream)
    assert _story(changes) == [(1, "start", "happy"), (1, "end", "happy")]
    assert changes[-1].state.captured_s == pytest.approx(7.0)
    assert (tracker.state.subject, tracker.state.faces, tracker.states()) == (0, 0, [])


def test_a_second_person_has_events_of_their_own() -> None:
    first, second = Face(1, np.random.default_rng(0)), Face(2, np.random.default_rng(1))
    tracker = _tracker()
    stream = [sighting(t, first.look(HAPPY, t)) for t in times(0, 5)]
    stream += [sighting(t, first.look(HAPPY, t), second.look(NEUTRAL, t)) for t in times(5, 15)]
    changes = _play(tracker, stream)
    assert _story(changes) == [(1, "start", "happy"), (2, "start", "neutral")]
    assert [one.subject for one in tracker.states()] == [1, 2]
    assert tracker.state.subject == 1
    assert tracker.state.faces == 2
    stream = [sighting(t, second.look(NEUTRAL, t)) for t in times(15, 17)]
    changes = _play(tracker, stream)
    assert _story(changes) == [(1, "end", "happy")]
    assert (tracker.state.subject, tracker.state.emotion) == (2, "neutral")


@pytest.mark.parametrize("shown", [NEUTRAL, HAPPY, LOOKS_ANGRY], ids=["neutral", "happy", "rest"])
def test_an_hour_of_the_same_has_no_more_than_one_false_event(shown: dict[str, float]) -> None:
    face = Face(1, np.random.default_rng(7))
    meant = max(shown, key=lambda name: shown[name]) if shown is not LOOKS_ANGRY else "neutral"
    stream = (sighting(t, face.look(shown, t)) for t in times(0, 3600))
    changes = _play(_tracker(), stream)
    false = [c for c in changes if c.phase == "start" and c.state.emotion != meant]
    assert len(false) <= 1
    # A face that looks angry at rest is unknown most of the time: eight starts here.
    assert len(_starts(changes, meant)) <= (10 if shown is LOOKS_ANGRY else 2)
