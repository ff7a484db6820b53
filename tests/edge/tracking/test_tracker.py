import logging
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import Fusion, RestingFace, Tracking
from edge.emotions import EMOTIONS
from edge.fusion.model import FusionModel
from edge.throttled_log import ThrottledLog
from edge.tracking.episodes import Change
from edge.tracking.tracker import MAX_SUBJECTS, Tracker
from edge.values import Observation, Sighting
from tests.support.observations import distribution, observation

PERIOD_S = 0.1
PLAIN = Tracking(resting_face=RestingFace(enabled=False))


def _tracker(**changes: float) -> Tracker:
    ids = count(1)
    config = msgspec.structs.replace(PLAIN, **changes)
    return Tracker(config, Fusion(), FusionModel(), 0.0, lambda: f"episode {next(ids)}")


def _see(
    tracker: Tracker, emotion: str, start_s: float, end_s: float, probability: float = 0.9
) -> list[Change]:
    changes = []
    for moment_s in np.arange(start_s, end_s, PERIOD_S):
        changes += tracker.observe(observation(emotion, probability, float(moment_s)))
    return changes


def test_an_emotion_starts_once_it_has_lasted() -> None:
    tracker = _tracker(min_dwell_s=0.3)
    assert _see(tracker, "sad", 0.0, 0.25) == []
    changes = _see(tracker, "sad", 0.3, 1.0)
    assert [(c.phase, c.state.emotion) for c in changes] == [("start", "sad")]
    assert tracker.state.emotion == "sad"


def test_happiness_may_be_quicker() -> None:
    tracker = _tracker(min_dwell_s=1.0, min_dwell_happy_s=0.2)
    assert [c.phase for c in _see(tracker, "happy", 0.0, 0.35)] == ["start"]
    tracker = _tracker(min_dwell_s=1.0, min_dwell_happy_s=0.2)
    assert _see(tracker, "sad", 0.0, 0.95) == []


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
        ("episode 1", "end", "neutral"),
        ("episode 2", "start", "happy"),
    ]
    assert 1.7 < changes[0].duration_s < 3.0
    assert changes[0].state.captured_s < 3.0


def test_all_messages_of_a_stay_share_an_id_and_count_up() -> None:
    tracker = _tracker(smoothing_s=0.0)
    changes = _see(tracker, "happy", 0.0, 1.0, 0.9) + _see(tracker, "happy", 1.0, 2.0, 0.6)
    changes += tracker.finish(2.0)
    assert [(c.episode, c.sequence, c.phase) for c in changes] == [
        ("episode 1", 0, "start"),
        ("episode 1", 1, "update"),
        ("episode 1", 2, "end"),
    ]


def test_a_lively_face_is_updated_no_more_often_than_configured() -> None:
    tracker = Tracker(
        msgspec.structs.replace(PLAIN, smoothing_s=0.0),
        Fusion(),
        FusionModel(),
        0.0,
        min_interval_s=1.0,
    )
    changes: list[Change] = []
    for second in range(10):
        changes += _see(tracker, "happy", second, second + 0.5, 0.95)
        changes += _see(tracker, "happy", second + 0.5, second + 1.0, 0.6)
    moments_s = [one.state.captured_s for one in changes]
    assert [one.sequence for one in changes] == list(range(len(changes)))
    assert np.diff(moments_s).min() >= 1.0
    assert len(changes) == 7


def test_the_decline_of_an_emotion_is_not_reported_while_its_successor_is_on_trial() -> None:
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


def test_an_observation_of_another_subject_does_not_move_the_primary_one() -> None:
    tracker = _tracker()
    other = replace(observation("happy", 0.9, 1.0, modality="text"), subject=3)
    assert tracker.observe(other) == []
    assert tracker.state.belief is None


def test_time_that_runs_backwards_changes_nothing_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = _tracker()
    _see(tracker, "happy", 10.0, 11.0)
    before = tracker.state
    assert _see(tracker, "sad", 3.0, 4.0) == []
    assert tracker.state == before
    (inputs,) = caplog.messages
    assert inputs == (
        "an observation of 'face', subject 0, is ignored: it is older than the previous one"
    )


def _wrong(**changes: Any) -> Observation:
    return replace(observation("happy", 0.9, 1.0), **changes)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (_wrong(probabilities=np.full(6, 1 / 6, np.float32)), "it does not have 7 probabilities"),
        (_wrong(probabilities=np.full(7, 0.2, np.float32)), "not a distribution"),
        (_wrong(probabilities=np.full(7, np.nan, np.float32)), "not a distribution"),
        (_wrong(probabilities=distribution({"sad": 1.4, "happy": -0.4})), "not a distribution"),
        (_wrong(quality=1.5), "its quality is not between 0 and 1"),
        (_wrong(quality=float("nan")), "its quality is not between 0 and 1"),
        (_wrong(captured_s=float("inf")), "its time is not a number"),
        (_wrong(modality="thermal"), "its modality is not listed in fusion.outside"),
        (_wrong(subject=5), "its subject is not in view"),
    ],
)
def test_an_invalid_observation_is_logged_and_changes_nothing(
    wrong: Observation, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = _tracker()
    _see(tracker, "neutral", 0.0, 1.0)
    before = tracker.state
    for _ in range(50):
        assert tracker.observe(wrong) == []
    assert tracker.state == before
    assert [reason in message for message in caplog.messages] == [True]


def test_a_warning_is_repeated_after_a_minute_with_its_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    throttled = ThrottledLog(logging.getLogger("test"))
    for second in range(62):
        throttled.warning("kind", "it is wrong", float(second))
    assert caplog.messages == ["it is wrong", "it is wrong (and 59 more like it)"]


def test_invalid_qualities_are_one_kind_of_warning(caplog: pytest.LogCaptureFixture) -> None:
    tracker = _tracker()
    for tenth in range(11, 15):
        tracker.observe(observation("happy", 0.9, float(tenth), quality=tenth / 10))
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("captured_s", "reason"),
    [(1e12, "its time is in the future"), (4.0, "it is older than fusion.max_age_s")],
)
def test_an_observation_of_another_time_does_not_poison_its_subject(
    captured_s: float, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = _tracker()
    _see(tracker, "neutral", 9.0, 10.0)
    before = tracker.state
    stray = observation("angry", 0.9, captured_s, modality="speech")
    assert tracker.observe(stray, now_s=10.0) == []
    assert tracker.state == before
    assert reason in caplog.text


def test_of_two_of_one_modality_and_moment_the_better_counts_in_whichever_order() -> None:
    good, bad = observation("happy", 0.9, 1.0), observation("sad", 0.9, 1.0, quality=0.3)
    for inputs in ((good, bad), (bad, good)):
        tracker = Tracker(Tracking(), Fusion(), FusionModel(), 0.0)
        for one in inputs:
            tracker.observe(one)
        belief = tracker.state.belief
        assert belief is not None
        assert belief.emotion == "happy"


@pytest.mark.parametrize("order", [("face", "speech"), ("speech", "face")])
def test_a_trial_continues_in_either_order_of_its_observations(order: tuple[str, str]) -> None:
    tracker = _tracker(smoothing_s=0.0, min_dwell_happy_s=0.4)
    for moment_s in (0.0, 0.5):
        tracker.observe(observation("neutral", 0.9, moment_s))
    tracker.observe(observation("happy", 0.9, 1.0))
    inputs = {
        "face": observation("neutral", 0.5, 1.5),
        "speech": observation("happy", 0.97, 1.5, modality="speech"),
    }
    changes = [change for name in order for change in tracker.observe(inputs[name])]
    boundaries = [(c.phase, c.state.emotion) for c in changes if c.phase != "update"]
    assert boundaries == [("end", "neutral"), ("start", "happy")]


def test_a_single_picture_is_not_enough_beside_a_voice_of_before() -> None:
    tracker = _tracker()
    _see(tracker, "neutral", 0.0, 4.0)
    tracker.observe(observation("neutral", 0.9, 3.95, modality="speech", quality=0.0))
    tracker.observe(observation("happy", 0.99, 4.4))
    assert tracker.pass_time(5.0) == []


def test_episodes_do_not_overlap_when_time_alone_starts_one() -> None:
    tracker = _tracker(smoothing_s=0.0)
    _see(tracker, "neutral", 0.0, 1.0)
    tracker.observe(observation("angry", 0.99, 2.0, modality="text"))
    end, start = tracker.pass_time(2.5)
    assert (end.phase, start.phase) == ("end", "start")
    assert end.state.captured_s <= start.started_s


def test_without_a_camera_warnings_are_repeated_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = _tracker()
    for second in range(100):
        tracker.observe(_wrong(quality=7.0, captured_s=float(second), modality="speech"))
    assert len(caplog.messages) == 2


def test_an_outside_modality_counts_once_it_is_named() -> None:
    fusion = Fusion(outside=("thermal",))
    tracker = Tracker(PLAIN, fusion, FusionModel(), 0.0)
    tracker.observe(observation("happy", 0.9, 1.0, modality="thermal"))
    assert tracker.state.belief is not None
    assert tracker.state.belief.contributions == {"thermal": 1.0}


def test_a_hundred_subjects_are_limited_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    tracker = _tracker()
    seen = tuple(replace(observation("happy", 0.9, 1.0), subject=n) for n in range(1, 101))
    tracker.observe(Sighting(seen, 100, 1.0, 1, frozenset(range(1, 101))))
    assert len(tracker.states()) == MAX_SUBJECTS
    assert tracker.state.faces == 100
    assert ["more than 64 subjects" in message for message in caplog.messages] == [True]
    tracker.observe(Sighting((), 0, 2.0))
    assert tracker.states() == []


def test_forgotten_subjects_cost_nothing() -> None:
    tracker = _tracker()
    for number in range(1, 500):
        seen = replace(observation("happy", 0.9, float(number)), subject=number)
        tracker.observe(Sighting((seen,), 1, float(number), number, frozenset({number})))
    assert len(tracker.states()) == 1


ITEMS = st.lists(
    st.builds(
        Observation,
        st.sampled_from(["face", "speech", "text", "thermal"]),
        st.integers(0, 2),
        st.floats(0, 20),
        st.one_of(
            st.builds(observation, st.sampled_from(EMOTIONS), st.floats(0, 1)).map(
                lambda one: one.probabilities
            ),
            st.just(np.full(7, np.nan, np.float32)),
            st.just(np.ones(3, np.float32)),
        ),
        st.floats(-0.5, 1.5),
    ),
    max_size=30,
)


@given(ITEMS)
@settings(max_examples=100)
def test_nothing_poisons_the_state(items: list[Observation]) -> None:
    tracker = Tracker(Tracking(), Fusion(), FusionModel(), 0.0)
    running: set[str] = set()
    for item in items:
        if item.subject:
            sighting = Sighting((item,), 1, item.captured_s, item.subject, frozenset({1, 2}))
            changes = tracker.observe(sighting)
        else:
            changes = tracker.observe(item)
        changes += tracker.pass_time(item.captured_s)
        for change in changes:
            # Every episode starts once and ends once.
            assert (change.phase == "start") == (change.episode not in running)
            running ^= {change.episode} if change.phase != "update" else set()
        for state in tracker.states():
            if state.belief is not None:
                assert state.belief.probabilities.sum() == pytest.approx(1, abs=1e-4)
                assert sum(state.belief.contributions.values()) == pytest.approx(1)
    running -= {change.episode for change in tracker.finish(100.0)}
    assert not running


@given(st.permutations(["face", "speech", "text"]))
def test_the_order_within_one_moment_does_not_matter(order: list[str]) -> None:
    inputs = {
        "face": observation("happy", 0.8, 1.0),
        "speech": observation("sad", 0.7, 1.0, modality="speech", quality=0.6),
        "text": observation("angry", 0.6, 1.0, modality="text", quality=0.4),
    }
    beliefs = []
    for names in (order, ["face", "speech", "text"]):
        tracker = _tracker()
        _see(tracker, "neutral", 0.0, 0.95)
        for name in names:
            tracker.observe(inputs[name])
        beliefs.append(tracker.state.belief)
    assert beliefs[0].probabilities == pytest.approx(beliefs[1].probabilities, abs=1e-6)  # type: ignore[union-attr]


def test_another_primary_subject_ends_what_was_believed_of_the_first() -> None:
    tracker = _tracker()

    def see(emotion: str, subject: int, start_s: float, end_s: float) -> list[Change]:
        changes = []
        for moment_s in np.arange(start_s, end_s, PERIOD_S):
            seen = replace(observation(emotion, 0.9, float(moment_s)), subject=subject)
            changes += tracker.observe(
                Sighting((seen,), 1, float(moment_s), subject, frozenset({subject}))
            )
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
    assert tracker.observe(Sighting((seen,), 1, 1.5, 1, frozenset({1}))) == []
    assert started[0].state.subject == 0
    assert tracker.state.subject == 1
    assert set(tracker.state.belief.contributions) == {"face", "text"}  # type: ignore[union-attr]


def test_an_event_carries_the_count_of_its_own_frame() -> None:
    tracker = _tracker(min_dwell_s=0.0)
    seen = replace(observation("sad", 0.9, 1.0), subject=1)
    (start,) = tracker.observe(Sighting((seen,), 3, 1.0, 1, frozenset({1})))
    assert (start.phase, start.state.faces) == ("start", 3)


def test_a_primary_subject_that_is_hidden_for_a_moment_keeps_its_event() -> None:
    tracker = _tracker()
    for index in range(10):
        seen = replace(observation("happy", 0.9, index * PERIOD_S), subject=1)
        tracker.observe(Sighting((seen,), 2, index * PERIOD_S, 1, frozenset({1, 2})))
    other = replace(observation("sad", 0.9, 1.0), subject=2)
    assert tracker.observe(Sighting((other,), 1, 1.0, 1, frozenset({1, 2}))) == []
    assert (tracker.state.emotion, tracker.state.subject) == ("happy", 1)
