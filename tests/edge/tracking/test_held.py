"""The answer about a clip: the emotion that held longest."""

import numpy as np
import pytest

from edge.tracking.held import Held
from tests.support.observations import distribution

MIN_CONFIDENCE = 0.45
HAPPY, SAD = distribution({"happy": 0.8}), distribution({"sad": 0.6})


def test_the_emotion_that_held_longest_is_the_answer_with_its_mean_confidence() -> None:
    held = Held(MIN_CONFIDENCE)
    for emotion, belief, from_s in [
        ("unknown", HAPPY, 0.0),
        ("happy", HAPPY, 5.0),
        ("sad", SAD, 6.0),
        ("happy", distribution({"happy": 0.5}), 7.0),
    ]:
        held.add(emotion, belief, from_s)
    held.end(8.0)
    answer = held.answer()
    assert answer is not None
    assert answer.emotion == "happy"
    assert answer.confidence == pytest.approx(0.65)
    assert answer.probabilities.sum() == pytest.approx(1)


def test_an_emotion_that_held_on_little_is_unknown() -> None:
    held, weak = Held(MIN_CONFIDENCE), distribution({"neutral": 0.3})
    held.add("neutral", distribution({"neutral": 0.5}), 0.0)
    held.add("neutral", weak, 1.0)
    held.end(4.0)
    answer = held.answer()
    assert answer is not None
    assert answer.emotion == "unknown"
    assert answer.confidence == pytest.approx(0.35)


def test_without_an_emotion_the_answer_is_unknown_with_the_mean_belief() -> None:
    held = Held(MIN_CONFIDENCE)
    assert held.answer() is None
    held.add("unknown", HAPPY, 0.0)
    held.add("unknown", SAD, 1.0)
    held.end(2.0)
    answer = held.answer()
    assert answer is not None
    assert answer.emotion == "unknown"
    assert answer.probabilities == pytest.approx(np.mean([HAPPY, SAD], axis=0))
    assert answer.confidence == pytest.approx(float(answer.probabilities.max()))


def test_what_is_published_for_no_time_counts_if_nothing_else_does() -> None:
    held = Held(MIN_CONFIDENCE)
    held.add("sad", SAD, 3.0)
    held.end(3.0)
    answer = held.answer()
    assert answer is not None
    assert answer.emotion == "sad"
