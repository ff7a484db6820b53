"""Averaging several runs into one."""

import json
from pathlib import Path

import pytest

from converter.datasets.splits import Splits
from converter.tasks.base import Schedule
from converter.tasks.text import TextTask
from converter.training.average import average
from converter.training.runs import Plan, load_run, origin
from converter.training.train import train
from edge.errors import EmotiondError


@pytest.mark.slow
def test_an_average_of_runs_is_a_run_that_names_them(splits: Splits, tmp_path: Path) -> None:
    schedule = Schedule(epochs=1, batch_size=64, learning_rate=1e-3, patience=1)
    runs = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(runs):
        train(TextTask(), splits, folder, Plan(schedule, seed=seed))
    average(runs, tmp_path / "mean")
    (one, spec), (two, _), (mean, its_spec) = map(load_run, [*runs, tmp_path / "mean"])
    assert its_spec == spec
    of_all = zip(one.get_weights(), two.get_weights(), mean.get_weights(), strict=True)
    for first, second, middle in of_all:
        assert middle == pytest.approx((first + second) / 2, abs=1e-6)
    settings = json.loads((tmp_path / "mean" / "settings.json").read_text())
    assert [part["settings"]["seed"] for part in settings["average_of"]] == [0, 1]
    assert origin(tmp_path / "mean", splits) == splits.origin
    with pytest.raises(EmotiondError, match="two runs or more"):
        average(runs[:1], tmp_path / "mean")
    with pytest.raises(EmotiondError, match="not a finished training run"):
        average([*runs, tmp_path], tmp_path / "mean")
    seen = json.loads((runs[1] / "input.json").read_text())
    (runs[1] / "input.json").write_text(json.dumps(seen | {"max_characters": 10}))
    with pytest.raises(EmotiondError, match="two: its network or input differs"):
        average(runs, tmp_path / "mean")
