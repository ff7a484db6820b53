"""The strategy `feature`: a network corrects the weighted product."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import Fusion
from edge.emotions import EMOTIONS
from edge.errors import ModelError
from edge.fusion.model import FusionModel, load_fusion, read_fusion, write_fusion
from edge.fusion.network import INPUTS_EACH, Layer, Network, NetworkFile
from edge.fusion.pooling import feature, fuse, log_linear
from edge.resources import MODELS
from edge.values import Belief, Observation
from tests.support.observations import observation

SAD, ANGRY = EMOTIONS.index("sad"), EMOTIONS.index("angry")
NAMES = ("face", "speech", "text")


def _layer(inputs: int, outputs: int, steps: dict[tuple[int, int], int]) -> Layer:
    weights = [[steps.get((row, column), 0) for column in range(outputs)] for row in range(inputs)]
    return Layer(tuple(map(tuple, weights)), 0.1, (0.0,) * outputs)


def _network(steps: dict[tuple[int, int], int], output: dict[tuple[int, int], int]) -> NetworkFile:
    """Returns a network of one unit, with these weights in steps of 0.1."""
    return NetworkFile(
        NAMES, _layer(len(NAMES) * INPUTS_EACH, 1, steps), _layer(1, len(EMOTIONS), output)
    )


# Where the face has evidence of sadness, anger is less likely: a product cannot say that.
SAD_FACE_IS_NOT_ANGRY = _network({(SAD, 0): 10}, {(0, ANGRY): -10})
TEXT_ALONE = _network({(2 * INPUTS_EACH + INPUTS_EACH - 1, 0): 10}, {(0, ANGRY): 50})


def _fuse(file: NetworkFile, *observations: Observation, plain: bool = False) -> Belief:
    model = replace(load_fusion(MODELS / "fusion.json"), network=Network(file))
    return fuse(observations, log_linear if plain else feature, model, 0.0, half_life_s=1.0)


def test_the_network_corrects_the_product_by_what_several_show_together() -> None:
    shown = observation("sad", 0.5), observation("angry", 0.5, modality="speech")
    plain = _fuse(SAD_FACE_IS_NOT_ANGRY, *shown, plain=True)
    corrected = _fuse(SAD_FACE_IS_NOT_ANGRY, *shown)
    assert corrected.probabilities[ANGRY] < 0.5 * plain.probabilities[ANGRY]
    assert corrected.contributions == plain.contributions


@pytest.mark.parametrize("modality", [*NAMES, "thermal"])
def test_the_network_does_not_correct_what_is_observed_alone(modality: str) -> None:
    lone = observation("sad", 0.5, modality=modality)
    for file in (SAD_FACE_IS_NOT_ANGRY, TEXT_ALONE):
        plain, corrected = _fuse(file, lone, plain=True), _fuse(file, lone)
        assert corrected.probabilities == pytest.approx(plain.probabilities, abs=1e-6)


def test_a_modality_that_is_missing_or_unknown_does_not_reach_the_network() -> None:
    seen = observation("sad", 0.5)
    for other in ("speech", "thermal"):
        both = seen, observation("happy", 0.5, modality=other)
        plain, corrected = _fuse(TEXT_ALONE, *both, plain=True), _fuse(TEXT_ALONE, *both)
        assert corrected.probabilities == pytest.approx(plain.probabilities, abs=1e-6)


def test_the_order_of_several_observations_of_one_modality_does_not_matter() -> None:
    shown = [
        observation("sad", 0.5),
        observation("happy", 0.7, quality=0.4),
        observation("angry", 0.5, modality="speech"),
    ]
    forwards = _fuse(SAD_FACE_IS_NOT_ANGRY, *shown)
    backwards = _fuse(SAD_FACE_IS_NOT_ANGRY, *shown[::-1])
    assert backwards.probabilities == pytest.approx(forwards.probabilities, abs=1e-5)


def test_the_correction_fades_as_an_observation_becomes_old() -> None:
    changes = []
    for age_s in (0.0, 2.0, 4.0, 20.0):
        shown = (
            observation("sad", 0.5, captured_s=-age_s),
            observation("angry", 0.5, modality="speech"),
        )
        plain = _fuse(SAD_FACE_IS_NOT_ANGRY, *shown, plain=True).probabilities[ANGRY]
        changes.append(plain - _fuse(SAD_FACE_IS_NOT_ANGRY, *shown).probabilities[ANGRY])
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] == pytest.approx(0, abs=1e-3)


WEIGHTS = st.integers(-127, 127)


@given(
    st.lists(WEIGHTS, min_size=24, max_size=24),
    st.lists(WEIGHTS, min_size=7, max_size=7),
    st.lists(st.lists(st.floats(0.01, 1), min_size=7, max_size=7), min_size=2, max_size=3),
)
@settings(max_examples=50)
def test_whatever_the_network_learned_the_belief_names_what_a_modality_names(
    hidden: list[int], output: list[int], answers: list[list[float]]
) -> None:
    file = _network(
        {(row, 0): one for row, one in enumerate(hidden)},
        {(0, column): one for column, one in enumerate(output)},
    )
    observations = [
        Observation(name, 1, 0.0, np.array(one, np.float32) / np.float32(sum(one)), 1.0)
        for name, one in zip(NAMES, answers, strict=False)
    ]
    belief = _fuse(file, *observations)
    assert belief.probabilities.sum() == pytest.approx(1, abs=1e-4)
    named = [one.probabilities == one.probabilities.max() for one in observations]
    assert np.any(named, axis=0)[EMOTIONS.index(belief.emotion)]


def test_the_network_is_read_from_the_fusion_file(tmp_path: Path) -> None:
    path = tmp_path / "fusion.json"
    content = msgspec.structs.replace(
        read_fusion(MODELS / "fusion.json"), network=SAD_FACE_IS_NOT_ANGRY
    )
    write_fusion(content, path)
    loaded = load_fusion(path, "feature")
    assert loaded.network == Network(SAD_FACE_IS_NOT_ANGRY)


def test_a_file_without_a_network_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "fusion.json"
    write_fusion(msgspec.structs.replace(read_fusion(MODELS / "fusion.json"), network=None), path)
    assert isinstance(load_fusion(path, Fusion().strategy), FusionModel)
    with pytest.raises(ModelError, match="this file has no network"):
        load_fusion(path, "feature")


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("hidden", {"weights": [[1]], "scale": 0.1, "biases": [0.0]}, "is not 24 by 1"),
        ("hidden", {"weights": [[1, 2]] * 24, "scale": 0.1, "biases": [0.0]}, "is not 24 by 1"),
        ("output", {"weights": [[1] * 6], "scale": 0.1, "biases": [0.0] * 6}, "is not 1 by 7"),
        ("output", {"weights": [[128] * 7], "scale": 0.1, "biases": [0.0] * 7}, "weights"),
        ("modalities", ["face"], "is not 8 by 1"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    tmp_path: Path, part: str, value: object, reason: str
) -> None:
    content = json.loads((MODELS / "fusion.json").read_text())
    network = json.loads(msgspec.json.encode(SAD_FACE_IS_NOT_ANGRY)) | {part: value}
    (tmp_path / "fusion.json").write_text(json.dumps(content | {"network": network}))
    with pytest.raises(ModelError, match=reason):
        load_fusion(tmp_path / "fusion.json")
