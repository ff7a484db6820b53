import math

import msgspec
import numpy as np
import pytest

from edge.perception.check_sample import CheckSample
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner
from edge.perception.synthetic import draw_face, hum
from edge.resources import MODELS

PACKS = ["face", "speech", "text", "detector-short", "detector-full"]


@pytest.mark.parametrize("name", PACKS)
def test_the_packs_that_ship_answer_as_their_check_samples_say(name: str) -> None:
    pack = load_pack(MODELS / f"{name}.json")
    ask = sample_runner(pack)
    assert len(pack.manifest.checks) == (1 if name.startswith("detector") else 3)
    for sample in pack.manifest.checks:
        assert sample.deviation(ask(sample)) <= sample.tolerance


@pytest.mark.parametrize("name", ["face", "speech", "text"])
def test_no_two_check_samples_of_a_classifier_have_the_same_answer(name: str) -> None:
    checks = load_pack(MODELS / f"{name}.json").manifest.checks
    foremost = {max(one.answer, key=lambda label: one.answer[label]) for one in checks}
    assert len(foremost) == len(checks)


def test_a_model_whose_weights_are_wrong_answers_otherwise() -> None:
    pack = load_pack(MODELS / "speech.json")
    wrong = bytearray(pack.model)
    weights = slice(len(wrong) // 5, len(wrong) // 4)
    wrong[weights] = np.random.RandomState(1).bytes(len(wrong[weights]))
    ask = sample_runner(msgspec.structs.replace(pack, model=bytes(wrong)))
    assert any(one.deviation(ask(one)) > one.tolerance for one in pack.manifest.checks)


def test_what_is_no_number_deviates_from_everything() -> None:
    sample = CheckSample(answer={"joy": 0.5, "anger": 0.5})
    assert sample.deviation({"joy": 0.5, "anger": math.nan}) == math.inf
    assert sample.deviation({"anger": 0.4}) == pytest.approx(0.5)


def test_drawn_and_hummed_samples_depend_on_their_seed_alone() -> None:
    assert np.array_equal(draw_face(7), draw_face(7))
    assert not np.array_equal(draw_face(7), draw_face(8))
    sound = hum(7, 2.5)
    assert sound.dtype == np.int16
    assert (len(sound), int(np.abs(sound).max())) == (40_000, 8000)
    assert not np.array_equal(sound, hum(8, 2.5))
