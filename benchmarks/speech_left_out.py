"""Compares the speech model with a support vector machine on data sets that neither ever met.

python benchmarks/speech_left_out.py --data FOLDER… --run runs/speech_sets: ours are the models that
`emotion-convert folds speech --by set` wrote to that run, for the same data. The SVM is trained on
the same clips, on statistics of MFCCs over each. Recalls are those of our int8 files, over those
of the seven emotions that a set has ten clips of; an answer that it does not have is wrong. The
last row has the means over sets with at least four emotions.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.speech import statistics
from converter.cross_validation import load_folds, read_fold_settings
from converter.datasets.recordings import Recordings
from converter.datasets.samples import DatasetError
from converter.datasets.speaker_splits import split_by_set
from converter.measuring.evaluate import SplitPredictions
from converter.measuring.labels import NOTHING
from converter.measuring.metrics import expected_calibration_error
from converter.tasks.speech import SpeechTask
from edge.commands.terminal import table
from edge.emotions import EMOTIONS, FloatArray, label_matrix
from edge.perception.manifest import SoundInput
from edge.perception.pack import load_pack
from edge.resources import MODELS

FEWEST_EMOTIONS = 4
"""Sets with fewer do not count for the mean: guessing is too easy, or too hard."""
FEWEST_CLIPS = 10
"""The recall of an emotion that a set has fewer clips of would be chance."""
HEADINGS = ("left out", "clips", "mean recall", "ECE", "MFCC statistics + SVM", *EMOTIONS)
TASK = SpeechTask()
MATRIX = label_matrix(TASK.labels, TASK.label_map)
"""float32[labels, 7]"""
EMOTION_OF = MATRIX.argmax(axis=1)
"""The emotion of each label, as an index."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class LeftOut:
    """The figures on one data set, or means over several, as shares."""

    mean_recall: float
    ece: float
    svm: float
    """Mean recall of the support vector machine."""
    recalls: FloatArray
    """float[7], of our model; not a number for an emotion that the set lacks."""

    @property
    def cells(self) -> list[str]:
        """The figures as text, under HEADINGS."""
        return [f"{self.mean_recall:.0%}", f"{self.ece:.2f}", f"{self.svm:.0%}"] + [
            f"{one:.0%}" if np.isfinite(one) else NOTHING for one in self.recalls
        ]


def _recalls(truth: Indices, guess: Indices) -> FloatArray:
    """Returns the recall of each emotion; both are indices of emotions."""
    found = recall_score(truth, guess, labels=range(len(EMOTIONS)), average=None, zero_division=0)
    clips = np.bincount(truth, minlength=len(EMOTIONS))
    return np.where(clips >= FEWEST_CLIPS, found, np.nan)


def _described(recordings: Recordings, spec: SoundInput) -> Recordings:
    """Returns a data set with statistics of each clip in place of its sound."""
    clips = track(recordings.samples.inputs, description=f"statistics of {recordings.dataset}")
    rows = [statistics(one, spec) for one in clips]
    return replace(recordings, samples=replace(recordings.samples, inputs=rows))


def _svms(sets: Sequence[Recordings], folds: int, spec: SoundInput) -> dict[str, float]:
    """Returns the mean recall on each set, of an SVM trained on the sets of the other folds."""
    described = [_described(one, spec) for one in sets]
    found = {}
    for fold in range(folds):
        splits = split_by_set(described, fold, folds)
        svm = make_pipeline(StandardScaler(), SVC(C=10, class_weight="balanced"))
        svm.fit(splits.train.inputs, splits.train.majority)
        for name in dict.fromkeys(splits.test.groups):
            tested = splits.test.of_groups({name})
            truth, guess = (EMOTION_OF[x] for x in (tested.majority, svm.predict(tested.inputs)))
            found[name] = float(np.nanmean(_recalls(truth, guess)))
    return found


def _measured(answers: SplitPredictions, svm: float) -> LeftOut:
    """Returns our figures on one data set, beside the mean recall of an SVM."""
    truth, answered = EMOTION_OF[answers.samples.majority], answers.probabilities @ MATRIX
    recalls = _recalls(truth, answered.argmax(axis=1))
    ece = expected_calibration_error(answered, truth)
    return LeftOut(float(np.nanmean(recalls)), ece, svm, recalls)


def _mean(figures: Sequence[LeftOut]) -> LeftOut:
    """Returns the mean of each figure; of a recall, over the sets that have the emotion."""
    return LeftOut(
        float(np.mean([one.mean_recall for one in figures])),
        float(np.mean([one.ece for one in figures])),
        float(np.mean([one.svm for one in figures])),
        np.nanmean([one.recalls for one in figures], axis=0),
    )


def main() -> None:
    """Prints the figures on each set, and their means over sets."""
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
    svms = _svms(sets, settings.folds, spec)
    answers = [int8.pooled for int8, _ in load_folds(sets, arguments.run)]
    measured = [_measured(one, svms[one.dataset]) for one in answers]
    rows = [
        (one.dataset, str(len(one.samples)), *figures.cells)
        for one, figures in zip(answers, measured, strict=True)
    ]
    counted = [x for x in measured if np.isfinite(x.recalls).sum() >= FEWEST_EMOTIONS]
    if counted:
        rows.append(("mean", "", *_mean(counted).cells))
    print(table(HEADINGS, rows))


if __name__ == "__main__":
    main()
