"""What a person expresses at all times is removed, and nothing else."""

import numpy as np
import pytest

from edge.config import RestingFace
from edge.emotions import EMOTIONS, FloatArray, softmax
from edge.fusion.model import load_fusion
from edge.resources import MODELS
from edge.tracking.baseline import Baseline

EXPRESSIONS = load_fusion(MODELS / "fusion.json").expressions
every_modality = pytest.mark.parametrize("modality", ["face", "speech"])


def _shown(modality: str, emotion: str, bias: dict[str, float]) -> FloatArray:
    """Returns the answer for somebody who shows an emotion as people do, but for a bias."""
    added = np.array([bias.get(one, 0.0) for one in EMOTIONS], np.float32)
    return softmax(EXPRESSIONS[modality][EMOTIONS.index(emotion)] + added)


def _certain(emotion: str) -> FloatArray:
    return np.asarray(np.eye(len(EMOTIONS))[EMOTIONS.index(emotion)], np.float32)


def _after(modality: str, emotion: str, bias: dict[str, float], seconds: float) -> Baseline:
    baseline = Baseline(RestingFace(), EXPRESSIONS[modality])
    baseline.learn(_shown(modality, emotion, bias), _certain(emotion), seconds)
    return baseline


@every_modality
@pytest.mark.parametrize("biased", [one for one in EMOTIONS if one != "happy"])
def test_a_bias_towards_any_emotion_is_removed_in_either_modality(
    modality: str, biased: str
) -> None:
    shown = "sad" if biased == "neutral" else "neutral"
    seen = _shown(modality, shown, {biased: 1.5})
    corrected = _after(modality, shown, {biased: 1.5}, 600).correct(seen)
    plain = _shown(modality, shown, {})
    assert np.abs(corrected - plain).max() < 0.25 * np.abs(seen - plain).max()


@every_modality
def test_a_stranger_is_read_as_is_and_half_of_a_bias_goes_with_the_learning_time(
    modality: str,
) -> None:
    bias = {"angry": 1.0}
    seen, plain = _shown(modality, "neutral", bias), _shown(modality, "neutral", {})
    assert np.array_equal(Baseline(RestingFace(), EXPRESSIONS[modality]).correct(seen), seen)
    corrected = _after(modality, "neutral", bias, RestingFace().learn_s).correct(seen)
    odds = [float(np.log(one[0] / one[4])) for one in (plain, corrected, seen)]
    assert odds[1] == pytest.approx((odds[0] + odds[2]) / 2, abs=0.1)


def test_who_shows_an_emotion_strongly_for_long_is_still_seen_to() -> None:
    baseline = _after("face", "happy", {"happy": 3.0}, 3600)
    assert baseline.correct(_shown("face", "happy", {"happy": 3.0})).argmax() == EMOTIONS.index(
        "happy"
    )


def test_no_emotion_is_changed_by_more_than_the_maximum() -> None:
    baseline = _after("face", "neutral", {"angry": 9.0}, 3600)
    seen = _shown("face", "neutral", {"angry": 9.0})
    change = np.log(baseline.correct(seen)) - np.log(seen)
    assert change.max() - change.min() <= 2 * RestingFace().max_discount + 1e-3
