import shutil
from pathlib import Path

import msgspec

from converter.packing.check_samples import choose_checks
from edge.perception.manifest import save_manifest
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner
from edge.resources import MODELS


def test_checks_are_chosen_by_the_models_own_answers_and_kept_with_the_pack(
    tmp_path: Path,
) -> None:
    shutil.copy(MODELS / "text.tflite", tmp_path)
    pack = load_pack(MODELS / "text.json")
    chosen = choose_checks(pack)
    save_manifest(msgspec.structs.replace(pack.manifest, checks=chosen), tmp_path / "text.json")
    read = load_pack(tmp_path / "text.json").manifest
    assert read.checks == chosen == pack.manifest.checks
    run = sample_runner(pack)
    assert all(one.answer == run(one) for one in chosen)
