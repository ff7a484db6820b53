"""Compares the speech model with a support vector machine on data sets that neither ever met.

python benchmarks/speech_left_out.py --data FOLDER… --run runs/speech_sets: ours are the models that
`emotion-convert folds speech --by set` wrote to that run, for the same data. The machine is trained
on the same clips, on statistics of MFCCs over each. Figures are the unweighted average recall over
those of the seven emotions that a set has; an answer that it does not have is wrong.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.speech import statistics
from converter.cross_validation import load_folds, read_fold_settings
from converter.datasets.recordings import Recordings
from converter.datasets.samples import DatasetError
from converter.datasets.speaker_splits import split_by_set
from converter.tasks.speech import SpeechTask
from edge.commands.terminal import table
from edge.emotions import FloatArray, label_matrix
from edge.perception.manifest import SoundInput
from edge.perception.pack import load_pack
from edge.resources import MODELS

FEWEST_EMOTIONS = 4
"""Sets with fewer do not count for the mean: guessing is too easy, or too hard."""
TASK = SpeechTask()
MATRIX = label_matrix(TASK.labels, TASK.label_map)
"""float32[labels, 7]"""


def _uar(targets: FloatArray, answers: FloatArray) -> float:
    """Returns the mean recall of the emotions that occur; both are float32[samples, labels]."""
    truth, guess = ((one @ MATRIX).argmax(axis=1) for one in (targets, answers))
    return float(recall_score(truth, guess, labels=np.unique(truth), average="macro"))


def _machines(sets: Sequence[Recordings], folds: int, spec: SoundInput) -> dict[str, float]:
    """Returns the mean recall on each set, of a machine trained on the sets of the other folds."""
    found = {}
    for fold in range(folds):
        splits = split_by_set(sets, fold, folds)
        machine = make_pipeline(StandardScaler(), SVC(C=10, class_weight="balanced"))
        machine.fit([statistics(one, spec) for one in splits.train.inputs], splits.train.majority)
        for name in dict.fromkeys(splits.test.groups):
            tested = splits.test.of_groups({name})
            labels = machine.predict([statistics(one, spec) for one in tested.inputs])
            found[name] = _uar(tested.targets, np.eye(len(TASK.labels), dtype=np.float32)[labels])
    return found


def main() -> None:
    """Prints the mean recall on each set, and its mean over sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, action="append")
    parser.add_argument("--run", type=Path, required=True, help="our folds by set")
    arguments = parser.parse_args()
    settings = read_fold_settings(arguments.run)
    if settings.unit != "set":
        raise DatasetError(f"{arguments.run}: these folds are by {settings.unit}, not by set")
    sets = TASK.recordings(arguments.data)
    if {one.dataset for one in sets} != set(settings.clips):
        raise DatasetError(f"{arguments.run}: these folds are of {', '.join(settings.clips)}")
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    ours = {
        int8.pooled.dataset: _uar(int8.pooled.samples.targets, int8.pooled.probabilities)
        for int8, _ in load_folds(sets, arguments.run)
    }
    machines = _machines(sets, settings.folds, spec)
    counted = []
    rows = []
    for one in (each for each in sets if each.is_judged):
        emotions = len(np.unique((one.samples.targets @ MATRIX).argmax(axis=1)))
        name, figures = one.dataset, (ours[one.dataset], machines[one.dataset])
        if emotions >= FEWEST_EMOTIONS:
            counted.append(figures)
        rows.append((name, str(len(one.samples)), str(emotions), *(f"{x:.1%}" for x in figures)))
    if counted:
        means = (f"{x:.1%}" for x in np.mean(counted, axis=0))
        rows.append((f"mean, {FEWEST_EMOTIONS} emotions and more", "", "", *means))
    print(table(("left out", "clips", "emotions", "emotiond", "MFCC statistics + SVM"), rows))


if __name__ == "__main__":
    main()
