import hashlib
import math
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from converter.checks import choose_checks
from edge.perception.checksample import CheckSample
from edge.perception.pack import load_pack, save_manifest
from edge.perception.synthetic import draw_face, hum
from edge.perception.trial import prepare
from edge.resources import MODELS

PACKS = ["face", "speech", "text", "detector-short", "detector-full"]


@pytest.mark.parametrize("name", PACKS)
def test_the_packs_that_ship_answer_as_their_check_samples_say(name: str) -> None:
    pack = load_pack(MODELS / f"{name}.json")
    ask = prepare(pack)
    assert len(pack.manifest.checks) == (1 if name.startswith("detector") else 3)
    for sample in pack.manifest.checks:
        assert sample.deviation(ask(sample)) <= sample.tolerance


@pytest.mark.parametrize("name", ["face", "speech", "text"])
def test_no_two_check_samples_of_a_classifier_have_the_same_answer(name: str) -> None:
    checks = load_pack(MODELS / f"{name}.json").manifest.checks
    foremost = {max(one.answer, key=lambda label: one.answer[label]) for one in checks}
    assert len(foremost) == len(checks)


@pytest.mark.parametrize("name", ["face", "speech", "text"])
def test_a_model_with_damaged_weights_does_not_pass(tmp_path: Path, name: str) -> None:
    manifest = shutil.copy(MODELS / f"{name}.json", tmp_path)
    model = bytearray((MODELS / f"{name}.tflite").read_bytes())
    middle = len(model) // 2
    model[middle - 40_000 : middle + 40_000] = bytes(80_000)
    (tmp_path / f"{name}.tflite").write_bytes(model)
    found = hashlib.sha256(model).hexdigest()
    whole = msgspec.json.decode(manifest.read_bytes()) | {"sha256": found}
    manifest.write_bytes(msgspec.json.encode(whole))
    pack = load_pack(manifest)
    ask = prepare(pack)
    assert any(one.deviation(ask(one)) > one.tolerance for one in pack.manifest.checks)


def test_what_is_no_number_deviates_from_everything() -> None:
    sample = CheckSample(answer={"joy": 0.5, "anger": 0.5})
    assert sample.deviation({"joy": 0.5, "anger": math.nan}) == math.inf
    assert sample.deviation({"anger": 0.4}) == pytest.approx(0.5)


def test_checks_are_chosen_by_the_models_own_answers_and_kept_with_the_pack(
    tmp_path: Path,
) -> None:
    shutil.copy(MODELS / "text.tflite", tmp_path)
    pack = load_pack(MODELS / "text.json")
    chosen = choose_checks(pack)
    save_manifest(msgspec.structs.replace(pack.manifest, checks=chosen), tmp_path / "text.json")
    read = load_pack(tmp_path / "text.json").manifest
    assert read.checks == chosen == pack.manifest.checks
    ask = prepare(pack)
    assert all(one.answer == ask(one) for one in chosen)


def test_drawn_and_hummed_samples_hang_on_their_seed_alone() -> None:
    assert np.array_equal(draw_face(7), draw_face(7))
    assert not np.array_equal(draw_face(7), draw_face(8))
    sound = hum(7, 2.5)
    assert (sound.dtype, len(sound), np.abs(sound).max()) == (np.int16, 40_000, 8000)
    assert not np.array_equal(sound, hum(8, 2.5))
