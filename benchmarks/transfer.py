"""Compares fine-tuning a face pack with training from scratch, on a few pictures a class.

    python benchmarks/transfer.py --data JAVED --from models/face --counts 5 20 100

Every other subject of a data set is tested on; the pictures to learn from are drawn among the
others. Prints the mean recall of the given classes among each other, of float32 networks: what is
compared is the training, not quantization or calibration.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import msgspec
import numpy as np

from converter import steps
from converter.datasets.samples import Samples, concatenate
from converter.datasets.splits import AnnotationScheme, Splits, split_by_group
from converter.measuring.markdown import markdown_table
from converter.networks.weights import load_initial_weights
from converter.options import FaceTraining
from converter.tasks.base import load_known
from converter.tasks.face import KNOWN, LAYOUTS, FaceTask
from converter.training.runs import load_run
from edge.perception.manifest import ImageInput
from edge.perception.pack import Pack

CLASSES = ("anger", "happiness", "neutral")
SCRATCH = FaceTask.schedule
"""A training from scratch takes larger steps; both see as many pictures."""


def main() -> None:
    """Prints one row a number of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--from", dest="start", required=True)
    parser.add_argument("--counts", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--classes", nargs="+", default=CLASSES)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/transfer"))
    arguments = parser.parse_args()
    pack = steps.find_pack(arguments.start, "face")
    learned, tested = halves(arguments.data, arguments.classes)
    print(f"{len(learned)} pictures to learn from, {len(tested)} of others to test on")
    print(f"as it is: {recall(_untouched(pack), pack, tested):.0%}")
    rows = []
    for count in arguments.counts:
        cells = []
        for start in (arguments.start, ""):
            found, began = [], time.monotonic()
            for seed in range(arguments.seeds):
                splits = few(learned, tested, count, seed)
                run = arguments.runs / f"{count}-{'from' if start else 'scratch'}-{seed}"
                found.append(recall(trained(splits, run, start, seed, pack), pack, tested))
            shown = " / ".join(f"{one:.0%}" for one in found)
            cells.append(f"{shown} ({(time.monotonic() - began) / arguments.seeds:.0f} s)")
        rows.append((str(count), *cells))
        print(rows[-1], flush=True)
    print(markdown_table(("pictures a class", "fine-tuned", "from scratch"), rows))


def halves(data: Path, classes: Sequence[str]) -> tuple[Samples, Samples]:
    """Returns pictures of the classes: of every other subject, and of the rest."""
    loaded = load_known(data, LAYOUTS, KNOWN)
    whole = concatenate([loaded.train, loaded.held_back, loaded.test])
    places = [whole.labels.index(one) for one in classes]
    own = whole.subset(np.flatnonzero(np.isin(whole.majority, places)))
    subjects = sorted(set(own.groups))
    learned, _, tested = split_by_group(own, (), subjects[1::2])
    return learned, tested


def few(learned: Samples, tested: Samples, count: int, seed: int) -> Splits:
    """Returns a data set with `count` pictures of each class to learn from, as far as there are."""
    rng = np.random.default_rng(seed)
    places = np.unique(learned.majority)
    rows = [rng.permutation(np.flatnonzero(learned.majority == one))[:count] for one in places]
    chosen = learned.subset(np.concatenate(rows))
    labels = tuple(learned.labels[one] for one in places)
    scheme = {"few": AnnotationScheme("few", labels, "test")}
    train, test = (replace(one, groups=("few",) * len(one)) for one in (chosen, tested))
    return Splits(("few",), train, train, test, ("train",), "test", "not told", schemes=scheme)


def trained(splits: Splits, run: Path, start: str, seed: int, pack: Pack) -> keras.Model:
    """Returns a network trained on a few pictures, from a pack or from scratch."""
    spec = pack.manifest.input
    assert isinstance(spec, ImageInput)
    if start:
        options, task = FaceTraining(start=start, seed=seed), FaceTask()
    else:
        options, task = FaceTraining(seed=seed), FaceTask(side=spec.shape[0])
        assert task.fine_tuning is not None
        task.schedule = msgspec.structs.replace(  # type: ignore[misc]
            task.fine_tuning, learning_rate=SCRATCH.learning_rate
        )
    steps.train(task, splits, run, options)
    return load_run(run)[0]


def _untouched(pack: Pack) -> keras.Model:
    network = FaceTask().build(pack.manifest.input)
    load_initial_weights(network, pack.path, pack.manifest.labels)
    return network


def recall(network: keras.Model, pack: Pack, tested: Samples) -> float:
    """Returns the mean recall of the classes that occur, among each other."""
    spec, task = pack.manifest.input, FaceTask()
    features = np.stack([task.features(one, spec) for one in tested.inputs])
    places = np.unique(tested.majority)
    answers = places[np.asarray(network.predict(features, verbose=0))[:, places].argmax(axis=1)]
    return float(np.mean([(answers[tested.majority == one] == one).mean() for one in places]))


if __name__ == "__main__":
    main()
