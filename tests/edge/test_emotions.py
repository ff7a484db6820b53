import numpy as np
import pytest

from edge.emotions import EMOTIONS, label_matrix, softmax, to_seven, valence_arousal


def test_the_order_of_the_seven_is_the_contract() -> None:
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def test_native_labels_that_share_an_emotion_add_up() -> None:
    matrix = label_matrix(
        ("calm", "neutral", "sad"), {"calm": "neutral", "neutral": "neutral", "sad": "sad"}
    )
    seven = to_seven(np.array([0.3, 0.5, 0.2], np.float32), matrix)
    assert seven[EMOTIONS.index("neutral")] == pytest.approx(0.8)
    assert seven.sum() == pytest.approx(1.0)


def test_mass_outside_the_seven_is_left_out_and_the_rest_renormalized() -> None:
    matrix = label_matrix(("contempt", "happy"), {"contempt": None, "happy": "happy"})
    seven = to_seven(np.array([0.6, 0.4], np.float32), matrix)
    assert seven[EMOTIONS.index("happy")] == pytest.approx(1.0)


def test_all_mass_outside_the_seven_means_nothing_is_known() -> None:
    matrix = label_matrix(("contempt", "happy"), {"contempt": None, "happy": "happy"})
    assert to_seven(np.array([1.0, 0.0], np.float32), matrix) == pytest.approx(np.full(7, 1 / 7))


def test_a_higher_temperature_is_less_sure() -> None:
    logits = np.array([2.0, 0.0], np.float32)
    assert softmax(logits, 2.0)[0] < softmax(logits)[0] < softmax(logits, 0.5)[0]


def test_softmax_survives_large_logits() -> None:
    assert softmax(np.array([1e4, 0.0], np.float32)) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(
    ("emotion", "pleasant", "aroused"),
    [("happy", True, True), ("sad", False, False), ("angry", False, True)],
)
def test_emotions_lie_in_their_quadrant(emotion: str, pleasant: bool, aroused: bool) -> None:
    one_hot = np.eye(7, dtype=np.float32)[EMOTIONS.index(emotion)]
    valence, arousal = valence_arousal(one_hot)
    assert (valence > 0, arousal > 0) == (pleasant, aroused)
