from dataclasses import replace
from itertools import count

import numpy as np

from edge.config import Fusion, Tracking
from edge.fusion import Reliabilities
from edge.observation import Sighting
from edge.tracking import Change, Tracker
from tests.support import observation

PERIOD_S = 0.1


def _tracker(**changes: float) -> Tracker:
    ids = count(1)
    config = Tracking(**changes)
    return Tracker(config, Fusion(), Reliabilities({}), 0.0, lambda: f"stay {next(ids)}")


def _see(
    tracker: Tracker, emotion: str, start_s: float, end_s: float, probability: float = 0.9
) -> list[Change]:
    changes = []
    for moment_s in np.arange(start_s, end_s, PERIOD_S):
        changes += tracker.observe(observation(emotion, probability, float(moment_s)))
    return changes


def test_an_emotion_starts_once_it_has_lasted() -> None:
    tracker = _tracker(min_dwell_s=0.3)
    assert _see(tracker, "happy", 0.0, 0.25) == []
    changes = _see(tracker, "happy", 0.3, 1.0)
    assert [(c.phase, c.state.emotion) for c in changes] == [("start", "happy")]
    assert tracker.state.emotion == "happy"


def test_a_label_seen_once_is_no_event() -> None:
    tracker = _tracker()
    _see(tracker, "neutral", 0.0, 1.0)
    changes = tracker.observe(observation("angry", 0.95, 1.0))
    changes += _see(tracker, "neutral", 1.1, 2.0)
    assert [c.phase for c in changes if c.phase != "update"] == []
    assert tracker.state.emotion == "neutral"


def test_another_emotion_ends_the_stay_and_starts_its_own() -> None:
    tracker = _tracker(smoothing_s=0.2)
    _see(tracker, "neutral", 0.0, 2.0)
    changes = [c for c in _see(tracker, "happy", 2.0, 4.0) if c.phase != "update"]
    assert [(c.episode, c.phase, c.state.emotion) for c in changes] == [
        ("stay 1", "end", "neutral"),
        ("stay 2", "start", "happy"),
    ]
    assert 1.7 < changes[0].duration_s < 3.0
    assert changes[0].state.captured_s < 3.0


def test_all_messages_of_a_stay_share_an_id_and_count_up() -> None:
    tracker = _tracker(smoothing_s=0.0)
    changes = _see(tracker, "happy", 0.0, 1.0, 0.9) + _see(tracker, "happy", 1.0, 2.0, 0.6)
    changes += tracker.finish(2.0)
    assert [(c.episode, c.sequence, c.phase) for c in changes] == [
        ("stay 1", 0, "start"),
        ("stay 1", 1, "update"),
        ("stay 1", 2, "end"),
    ]


def test_the_decline_of_an_emotion_is_not_told_while_its_successor_is_on_trial() -> None:
    tracker = _tracker(smoothing_s=0.2, min_dwell_s=1.0)
    _see(tracker, "happy", 0.0, 3.0)
    changes = _see(tracker, "sad", 3.0, 6.0)
    updates = [c for c in changes if c.phase == "update" and c.state.emotion == "happy"]
    assert all(c.state.confidence > 0.4 for c in updates)
    assert [c.state.emotion for c in changes if c.phase == "start"] == ["sad"]


def test_two_emotions_of_almost_equal_weight_do_not_flap() -> None:
    tracker = _tracker()
    changes = []
    for step in range(600):
        emotion = "happy" if step % 2 else "surprise"
        changes += tracker.observe(observation(emotion, 0.55, step * PERIOD_S))
    assert len([c for c in changes if c.phase == "start"]) <= 1


def test_below_the_least_confidence_nothing_is_believed() -> None:
    tracker = _tracker(min_confidence=0.5)
    assert _see(tracker, "happy", 0.0, 2.0, 0.4) == []
    assert tracker.state.emotion == "unknown"
    assert tracker.state.confidence < 0.5


def test_what_nobody_confirms_ends() -> None:
    tracker = _tracker()
    _see(tracker, "happy", 0.0, 1.0)
    assert tracker.pass_time(5.5) == []
    changes = tracker.pass_time(6.0)
    assert [(c.phase, c.state.emotion) for c in changes] == [("end", "happy")]
    assert (tracker.state.emotion, tracker.state.belief) == ("unknown", None)
    assert tracker.pass_time(7.0) == []


def test_the_number_of_faces_is_part_of_the_state_until_the_camera_is_gone() -> None:
    tracker = _tracker()
    tracker.observe(Sighting((), 2, 1.0))
    tracker.pass_time(5.0)
    assert tracker.state.faces == 2
    tracker.pass_time(6.1)
    assert tracker.state.faces == 0


def test_a_single_text_is_enough_for_an_event() -> None:
    tracker = _tracker(min_dwell_s=0.3)
    assert tracker.observe(observation("happy", 0.9, 1.0, modality="text")) == []
    assert tracker.pass_time(1.2) == []
    changes = tracker.pass_time(1.4)
    assert [(c.phase, c.state.emotion, c.started_s) for c in changes] == [("start", "happy", 1.0)]
    assert [c.phase for c in tracker.pass_time(7.0)] == ["end"]


def test_a_single_picture_is_not_enough_for_an_event() -> None:
    tracker = _tracker(min_dwell_s=0.3)
    tracker.observe(observation("happy", 0.9, 1.0))
    assert tracker.pass_time(2.0) == []


def test_what_is_said_of_another_subject_does_not_move_the_primary_one() -> None:
    tracker = _tracker()
    other = replace(observation("happy", 0.9, 1.0, modality="text"), subject=3)
    assert tracker.observe(other) == []
    assert tracker.state.belief is None


def test_time_that_runs_backwards_does_no_harm() -> None:
    tracker = _tracker()
    _see(tracker, "happy", 10.0, 11.0)
    _see(tracker, "happy", 3.0, 4.0)
    belief = tracker.state.belief
    assert belief is not None
    assert np.isfinite(belief.probabilities).all()


def test_another_primary_subject_ends_what_was_believed_of_the_first() -> None:
    tracker = _tracker()

    def see(emotion: str, subject: int, start_s: float, end_s: float) -> list[Change]:
        changes = []
        for moment_s in np.arange(start_s, end_s, PERIOD_S):
            seen = replace(observation(emotion, 0.9, float(moment_s)), subject=subject)
            changes += tracker.observe(Sighting((seen,), 1, float(moment_s), subject))
        return changes

    assert [c.phase for c in see("happy", 1, 0.0, 1.0)] == ["start"]
    tracker.observe(observation("sad", 0.9, 1.0, modality="text"))  # belongs to the one in sight
    changes = see("happy", 2, 1.0, 2.0)
    assert [(c.phase, c.state.subject) for c in changes] == [("end", 1), ("start", 2)]
    assert tracker.state.belief is not None
    assert set(tracker.state.belief.contributions) == {"face"}


def test_who_was_heard_before_anyone_was_seen_is_taken_for_the_first_in_sight() -> None:
    tracker = _tracker()
    tracker.observe(observation("happy", 0.9, 1.0, modality="text"))
    started = tracker.pass_time(1.4)
    seen = replace(observation("happy", 0.9, 1.5), subject=1)
    assert tracker.observe(Sighting((seen,), 1, 1.5, 1)) == []
    assert started[0].state.subject == 0
    assert tracker.state.subject == 1
    assert set(tracker.state.belief.contributions) == {"face", "text"}  # type: ignore[union-attr]


def test_an_event_carries_the_count_of_its_own_frame() -> None:
    tracker = _tracker(min_dwell_s=0.0)
    seen = replace(observation("happy", 0.9, 1.0), subject=1)
    (start,) = tracker.observe(Sighting((seen,), 3, 1.0, 1))
    assert (start.phase, start.state.faces) == ("start", 3)


def test_a_primary_subject_that_is_hidden_for_a_moment_keeps_its_event() -> None:
    tracker = _tracker()
    for index in range(10):
        seen = replace(observation("happy", 0.9, index * PERIOD_S), subject=1)
        tracker.observe(Sighting((seen,), 2, index * PERIOD_S, 1))
    other = replace(observation("sad", 0.9, 1.0), subject=2)
    assert tracker.observe(Sighting((other,), 1, 1.0, 1)) == []
    assert (tracker.state.emotion, tracker.state.subject) == ("happy", 1)
