import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.emotions import EMOTIONS
from edge.errors import ModelError
from edge.fusion.model import FusionModel, Gate, load_fusion
from edge.fusion.pooling import (
    STRATEGIES,
    Evidence,
    Strategy,
    attention,
    average,
    fuse,
    log_linear,
    pool,
)
from edge.resources import MODELS
from edge.values import Belief, Observation
from tests.support.observations import distribution, observation

EVEN = FusionModel()
LEARNED = load_fusion(MODELS / "fusion.json")
MODALITIES = ("face", "speech", "text", "thermal")
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


def _fuse(
    *observations: Observation,
    strategy: Strategy = log_linear,
    model: FusionModel = EVEN,
    now_s: float = 0.0,
) -> Belief:
    return fuse(observations, strategy, model, now_s, half_life_s=1.0)


@every_strategy
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_lone_observation_keeps_its_order_and_is_no_surer_than_its_modality_deserves(
    strategy: Strategy, modality: str
) -> None:
    lone = observation("happy", 0.7, modality=modality, quality=0.2)
    belief = _fuse(lone, strategy=strategy, model=LEARNED, now_s=3.0)
    expected = lone.probabilities ** LEARNED.alone_of(modality)
    assert belief.probabilities == pytest.approx(expected / expected.sum(), abs=1e-5)
    assert belief.contributions == {modality: 1.0}
    assert _fuse(lone, strategy=strategy).probabilities == pytest.approx(lone.probabilities)
    # Nor does it jump when a second one comes in that is hardly to be trusted.
    distant = observation("sad", 0.9, modality="text", quality=0.0)
    both = _fuse(lone, distant, strategy=strategy, model=LEARNED)
    assert both.probabilities == pytest.approx(belief.probabilities, abs=0.02)


def test_a_face_or_a_voice_alone_is_believed_less_than_it_says() -> None:
    for modality in ("face", "speech"):
        assert _fuse(observation("sad", 0.8, modality=modality), model=LEARNED).confidence < 0.78


@every_strategy
@given(
    st.lists(
        st.tuples(
            st.sampled_from(MODALITIES), st.lists(st.floats(0.01, 1), min_size=7, max_size=7)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_weak_evidence_of_several_does_not_add_up_to_an_emotion_that_none_names(
    strategy: Strategy, inputs: list[tuple[str, list[float]]]
) -> None:
    observations = [
        Observation(modality, 1, 0.0, np.array(one, np.float32) / np.float32(sum(one)), 1.0)
        for modality, one in inputs
    ]
    belief = _fuse(*observations, strategy=strategy, model=LEARNED)
    named = [one.probabilities == one.probabilities.max() for one in observations]
    assert np.any(named, axis=0)[EMOTIONS.index(belief.emotion)]


def test_a_second_choice_of_both_stays_behind_what_each_names() -> None:
    face = observation("neutral", 0.36, modality="face")
    face = replace(face, probabilities=distribution({"neutral": 0.36, "happy": 0.34}))
    voice = distribution({"angry": 0.36, "happy": 0.34})
    heard = replace(observation("angry", 0.36, modality="speech"), probabilities=voice)
    product, _ = log_linear(
        Evidence(np.stack([face.probabilities, voice]), np.ones(2, np.float32), MODALITIES[:2]),
        EVEN,
    )
    assert EMOTIONS[int(product.argmax())] == "happy"
    assert _fuse(face, heard).emotion in ("neutral", "angry")


@pytest.mark.parametrize("strategy", [log_linear, attention])
def test_agreement_makes_surer(strategy: Strategy) -> None:
    inputs = observation("happy", 0.7), observation("happy", 0.6, modality="speech")
    belief = _fuse(*inputs, strategy=strategy)
    assert belief.emotion == "happy"
    assert belief.confidence > 0.7


def test_the_average_lies_between() -> None:
    inputs = observation("happy", 0.7), observation("happy", 0.5, modality="speech")
    assert _fuse(*inputs, strategy=average).confidence == pytest.approx(0.6)


@every_strategy
def test_the_better_quality_wins_a_disagreement(strategy: Strategy) -> None:
    belief = _fuse(
        observation("happy", 0.8, quality=0.9),
        observation("sad", 0.8, modality="speech", quality=0.3),
        strategy=strategy,
    )
    assert belief.emotion == "happy"
    assert belief.contributions["face"] > belief.contributions["speech"]


@every_strategy
def test_an_older_observation_counts_less(strategy: Strategy) -> None:
    belief = _fuse(
        observation("happy", 0.8, captured_s=0.0),
        observation("sad", 0.8, captured_s=2.0, modality="speech"),
        strategy=strategy,
        now_s=2.0,
    )
    assert belief.emotion == "sad"
    assert belief.captured_s == 2.0


def test_a_modality_that_knows_nothing_changes_nothing_whatever_its_reliability() -> None:
    uniform = observation("happy", 1 / 7, modality="speech")
    learned = FusionModel({"speech": distribution({"happy": 0.9, "sad": 0.1})})
    lone = observation("sad", 0.6)
    belief = _fuse(lone, uniform, model=learned)
    assert belief.probabilities == pytest.approx(lone.probabilities, abs=1e-3)


@pytest.mark.parametrize("strategy", [log_linear, average])
def test_reliability_decides_whom_to_believe_of_which_emotion(strategy: Strategy) -> None:
    ones = np.ones(len(EMOTIONS), np.float32)
    learned = FusionModel({"face": 0.9 * ones, "speech": 0.2 * ones})
    inputs = [observation("happy", 0.8), observation("sad", 0.8, modality="speech")]
    assert _fuse(*inputs, strategy=strategy, model=learned).emotion == "happy"


def test_two_that_agree_win_against_a_third_however_sure_it_is() -> None:
    inputs = [
        observation("happy", 0.6),
        observation("happy", 0.6, modality="speech"),
        observation("sad", 0.9999, modality="text"),
    ]
    assert _fuse(*inputs).emotion == "sad"
    doubting = FusionModel(default_outlier_probability=0.3)
    assert _fuse(*inputs, model=doubting).emotion == "happy"


def test_who_is_doubted_more_loses_a_disagreement() -> None:
    inputs = observation("happy", 0.8), observation("sad", 0.8, modality="text")
    for doubted, other in (("face", "sad"), ("text", "happy")):
        assert (
            _fuse(*inputs, model=FusionModel(outlier_probability={doubted: 0.5})).emotion == other
        )


def test_attention_turns_to_who_agrees_with_the_others() -> None:
    inputs = [
        observation("happy", 0.6),
        observation("happy", 0.6, modality="speech"),
        observation("sad", 0.9, modality="text"),
    ]
    belief = _fuse(*inputs, strategy=attention, model=FusionModel(gate=Gate({}, 1, 0, 5, 1)))
    assert belief.emotion == "happy"
    assert belief.contributions["text"] < 0.15


def test_attention_turns_to_who_is_certain() -> None:
    inputs = [observation("happy", 0.3), observation("sad", 0.9, modality="speech")]
    belief = _fuse(*inputs, strategy=attention, model=FusionModel(gate=Gate({}, 1, 3, 0, 1)))
    assert belief.contributions["speech"] > 0.8


SAID = st.lists(
    st.tuples(
        st.sampled_from(MODALITIES),
        st.sampled_from(EMOTIONS),
        st.floats(0, 1),
        st.floats(0, 1),
        st.floats(0, 100),
    ),
    min_size=1,
    max_size=6,
)


@every_strategy
@given(SAID)
def test_any_observations_give_a_distribution_and_shares_that_add_up(
    strategy: Strategy, inputs: list[tuple[str, str, float, float, float]]
) -> None:
    observations = [observation(e, p, age, modality, q) for modality, e, p, q, age in inputs]
    belief = _fuse(*observations, strategy=strategy, model=LEARNED, now_s=100.0)
    assert belief.probabilities.shape == (7,)
    assert np.isfinite(belief.probabilities).all()
    assert belief.probabilities.min() >= 0
    assert belief.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert sum(belief.contributions.values()) == pytest.approx(1.0)
    backwards = _fuse(*observations[::-1], strategy=strategy, model=LEARNED, now_s=100.0)
    assert backwards.probabilities == pytest.approx(belief.probabilities, abs=1e-4)


@every_strategy
def test_many_cases_at_once_are_fused_as_one_by_one(strategy: Strategy) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.dirichlet(np.full(7, 0.5), (20, 3)).astype(np.float32)
    trust = rng.uniform(0.1, 1, (20, 3)).astype(np.float32)
    names = MODALITIES[:3]
    together, weights = strategy(Evidence(inputs, trust, names), LEARNED)
    assert weights.shape == inputs.shape
    for case in range(20):
        alone, _ = strategy(Evidence(inputs[case], trust[case], names), LEARNED)
        assert together[case] == pytest.approx(alone, abs=1e-5)


def test_pooling_weighs_windows_by_their_quality() -> None:
    pooled = pool(
        [observation("happy", 0.8, 1.0, quality=0.9), observation("sad", 0.8, 2.0, quality=0.1)]
    )
    assert EMOTIONS[int(pooled.probabilities.argmax())] == "happy"
    assert pooled.captured_s == 2.0
    assert pooled.quality == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expressions": {"face": {}}}, "expressions of face lack angry"),
        ({"alone": {"face": 1.1}}, "alone"),
        ({"prior": {"angry": 1.0}}, "prior"),
        ({"doubts": {"face": 1.1}}, "doubts"),
        ({"reliabilities": {"face": {"happy": 0.0}}}, "reliabilities"),
    ],
)
def test_a_fusion_file_that_would_poison_beliefs_is_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    content = json.loads((MODELS / "fusion.json").read_text()) | changes
    (tmp_path / "fusion.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=reason):
        load_fusion(tmp_path / "fusion.json")


@pytest.mark.parametrize("content", [b"", b"\xff", b'{"reliabilities": {"face": {"happy": 2}}}'])
def test_a_fusion_file_at_fault_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fusion.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"fusion\.json: not a valid fusion file"):
        load_fusion(path)
