import json
import os
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.perception import trial
from edge.perception.trial import NO_FAULT, Fault, Trials, try_packs
from edge.resources import MODELS
from tests.support.packs import crashing_pack


def test_a_model_that_ends_its_process_is_named(tmp_path: Path) -> None:
    path = crashing_pack(tmp_path)
    with pytest.raises(ModelError, match=r"speech\.json: running it ends the process \(SIGSEGV\)"):
        Trials(tmp_path / "tried.json").check([MODELS / "text.json", path])
    assert len(json.loads((tmp_path / "tried.json").read_bytes())) == 1


def test_a_model_that_ran_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state" / "tried.json"
    Trials(file).check([MODELS / "speech.json", MODELS / "face.json"])
    monkeypatch.setattr(trial, "try_packs", lambda paths: pytest.fail(f"{paths} tried again"))
    Trials(file).check([MODELS / "face.json", MODELS / "speech.json"])


@pytest.mark.parametrize("content", ["", "{", "3", '[["a"]]', "null"])
def test_a_damaged_memory_of_trials_is_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "tried.json"
    file.write_text(content)
    Trials(file).check([MODELS / "speech.json"])
    assert "ai_edge_litert" in json.loads(file.read_bytes())[0]


def test_models_after_one_that_ends_the_process_are_tried_too(tmp_path: Path) -> None:
    trials, path = Trials(tmp_path / "tried.json"), crashing_pack(tmp_path)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"speech\.json: running it ends"):
            trials.check([path, MODELS / "text.json", MODELS / "face.json"])
    assert len(json.loads((tmp_path / "tried.json").read_bytes())) == 2
    trials.check([MODELS / "face.json"])


def test_a_model_that_never_answers_is_given_up() -> None:
    assert try_packs([MODELS / "speech.json"], limit_s=0.1) == (
        "",
        Fault("no answer within 0.1 s", is_passing=True),
    )


def test_a_model_that_the_machine_had_no_time_for_is_not_blamed(tmp_path: Path) -> None:
    os.mkfifo(manifest := tmp_path / "waits.json")
    assert try_packs([manifest], limit_s=3.0) == ("", NO_FAULT)
