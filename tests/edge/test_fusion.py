from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.emotions import EMOTIONS
from edge.errors import ModelError
from edge.fusion import Reliabilities, load_reliabilities, log_linear, pool
from edge.observation import Belief, Observation
from edge.resources import MODELS
from tests.support import observation

EVEN = Reliabilities({})


def _fuse(*observations: Observation, now_s: float = 0.0) -> Belief:
    return log_linear(observations, EVEN, now_s, half_life_s=1.0)


def test_a_lone_observation_is_the_belief() -> None:
    lone = observation("happy", 0.7, quality=0.2)
    learned = load_reliabilities(MODELS / "fusion.json")
    belief = log_linear([lone], learned, now_s=3.0, half_life_s=1.0)
    assert belief.probabilities == pytest.approx(lone.probabilities, abs=1e-4)
    assert belief.contributions == {"face": pytest.approx(1.0)}


def test_agreement_makes_surer() -> None:
    belief = _fuse(observation("happy", 0.7), observation("happy", 0.6, modality="speech"))
    assert belief.emotion == "happy"
    assert belief.confidence > 0.7


def test_the_better_quality_wins_a_disagreement() -> None:
    belief = _fuse(
        observation("happy", 0.8, quality=0.9),
        observation("sad", 0.8, modality="speech", quality=0.3),
    )
    assert belief.emotion == "happy"
    assert belief.contributions["face"] > belief.contributions["speech"]


def test_an_older_observation_counts_less() -> None:
    belief = _fuse(
        observation("happy", 0.8, captured_s=0.0),
        observation("sad", 0.8, captured_s=2.0, modality="speech"),
        now_s=2.0,
    )
    assert belief.emotion == "sad"
    assert belief.captured_s == 2.0


def test_a_modality_that_knows_nothing_changes_nothing_whatever_its_reliability() -> None:
    uniform = observation("happy", 1 / 7, modality="speech")
    learned = Reliabilities({"speech": {"happy": 0.9, "sad": 0.1}})
    lone = observation("sad", 0.6)
    belief = log_linear([lone, uniform], learned, 0.0, 1.0)
    assert belief.probabilities == pytest.approx(lone.probabilities, abs=1e-3)


def test_reliability_decides_whom_to_believe_of_which_emotion() -> None:
    learned = Reliabilities(
        {"face": dict.fromkeys(EMOTIONS, 0.9), "speech": dict.fromkeys(EMOTIONS, 0.2)}
    )
    said = [observation("happy", 0.8), observation("sad", 0.8, modality="speech")]
    assert log_linear(said, learned, 0.0, 1.0).emotion == "happy"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["face", "speech", "text", "thermal"]),
            st.sampled_from(EMOTIONS),
            st.floats(0, 1),
            st.floats(0, 1),
            st.floats(0, 100),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_observations_give_a_distribution_and_shares_that_add_up(
    said: list[tuple[str, str, float, float, float]],
) -> None:
    observations = [observation(e, p, age, modality, q) for modality, e, p, q, age in said]
    belief = log_linear(observations, EVEN, 100.0, 1.5)
    assert belief.probabilities.shape == (7,)
    assert np.isfinite(belief.probabilities).all()
    assert belief.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert sum(belief.contributions.values()) == pytest.approx(1.0)
    backwards = log_linear(observations[::-1], EVEN, 100.0, 1.5)
    assert backwards.probabilities == pytest.approx(belief.probabilities, abs=1e-5)


def test_pooling_weighs_windows_by_their_quality() -> None:
    pooled = pool(
        [observation("happy", 0.8, 1.0, quality=0.9), observation("sad", 0.8, 2.0, quality=0.1)]
    )
    assert EMOTIONS[int(pooled.probabilities.argmax())] == "happy"
    assert pooled.captured_s == 2.0
    assert pooled.quality == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize("content", [b"", b"\xff", b'{"modalities": {"face": {"happy": 2}}}'])
def test_a_fusion_file_at_fault_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fusion.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"fusion\.json: not a valid fusion file"):
        load_reliabilities(path)
