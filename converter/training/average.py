"""Averages the weights of several runs into one run.

The mean of runs with the same initial weights is often better than each of them, at the size of
one (model soups, Wortsman et al. 2022, arXiv:2203.05482).
Used only to repeat the training of the shipped text model; goes when that model is replaced.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from converter.networks.weights import MODEL
from converter.training.runs import INPUT, ORIGINS, SETTINGS, load_run, origins_in, read_settings
from edge.errors import EmotiondError


def average(runs: Sequence[Path], out: Path) -> Path:
    """Writes a run whose weights are the mean of finished runs' weights; returns its model's path.

    Its settings name the runs. Raises EmotiondError if there are fewer than two, or if they differ
    in the network or its input.
    """
    if len(runs) < 2:
        raise EmotiondError("an average needs two runs or more")
    loaded = [load_run(run) for run in runs]
    model, spec = loaded[0]
    shapes = [weights.shape for weights in model.get_weights()]
    for run, (other, other_spec) in zip(runs[1:], loaded[1:], strict=True):
        if other_spec != spec or [one.shape for one in other.get_weights()] != shapes:
            raise EmotiondError(f"{run}: its network or input differs from that of {runs[0]}")
    of_all = zip(*(one.get_weights() for one, _ in loaded), strict=True)
    model.set_weights([np.mean(weights, axis=0) for weights in of_all])
    out.mkdir(parents=True, exist_ok=True)
    of_runs = [read_settings(run) for run in runs]
    settings = {
        ORIGINS: [one for settings in of_runs for one in origins_in(settings)],
        "average_of": [
            {"run": run.name, "settings": settings}
            for run, settings in zip(runs, of_runs, strict=True)
        ],
    }
    (out / SETTINGS).write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
    shutil.copy(runs[0] / INPUT, out / INPUT)
    model.save(out / MODEL)
    return out / MODEL
