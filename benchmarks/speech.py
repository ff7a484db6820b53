"""Compares the speech model with two others, trained and tested on the same folds of speakers.

python benchmarks/speech.py --data path/to/RAVDESS [--data …]

Ours are the models that `emotion-convert folds` wrote to runs/speech_folds, for the same data. The
support vector machine is trained on statistics of MFCCs over a clip. The residual LSTM has the size
of a published one (46.8 k weights; UAR 62.3 % on RAVDESS by actor), and is trained like ours: as
long, and on the same windows and variations. Its training takes about an hour, and resumes after an
interruption.
"""

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.metrics import recall_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from converter.cross_validation import load_folds, read_fold_settings
from converter.datasets.recordings import Recordings
from converter.datasets.samples import Samples
from converter.datasets.speaker_splits import split_by_speaker
from converter.datasets.splits import Splits
from converter.tasks.speech import SpeechTask
from converter.training.runs import CHECKPOINT, INPUT, Plan, load_run
from converter.training.train import train
from edge.commands.terminal import table
from edge.emotions import FloatArray
from edge.perception.classifier import Classifier
from edge.perception.features import LogMelStream, cepstrum, log_mel, sound_features
from edge.perception.manifest import InputSpec, SoundInput
from edge.perception.pack import load_pack
from edge.perception.voice import FRAMES_PER_S, HOP_FRAMES
from edge.resources import MODELS
from edge.values import SAMPLE_RATE_HZ, Sound

TIMED = 200
UNITS = 50


class LstmTask(SpeechTask):
    """A residual LSTM with our data, features and variations."""

    def build(self, spec: InputSpec) -> keras.Model:
        """Builds two LSTM layers, added to each other; frames in pairs halve the steps."""
        assert isinstance(spec, SoundInput)
        inputs = keras.Input(spec.shape)
        pairs = layers.Reshape((spec.shape[0] // 2, 2 * spec.shape[1]))(inputs)
        first = layers.LSTM(UNITS, return_sequences=True)(pairs)
        second = layers.LSTM(UNITS, return_sequences=True)(first)
        pooled = layers.GlobalAveragePooling1D()(layers.Add()([first, second]))
        logits = layers.Dense(len(self.labels), name="logits")(layers.Dropout(0.3)(pooled))
        return keras.Model(inputs, logits)


@dataclass
class System:
    """The measurements of one model, by folds."""

    uar: list[float]
    size_bytes: int
    hop_ms: float
    """Time that a hop of sound takes: features and model."""


def _measured_on(recordings: Recordings, splits: Splits) -> Splits:
    """Returns the same training data, and the part of the test split from one data set."""
    return replace(splits, test=splits.test.of_groups({recordings.dataset}))


def _uar(samples: Samples, guess: FloatArray) -> float:
    truth = samples.majority
    return float(recall_score(truth, guess, labels=np.unique(truth), average="macro"))


def _median_ms(action: Callable[[], object]) -> float:
    action()  # the first may compile
    durations_s = []
    for _ in range(TIMED):
        started_s = time.perf_counter()
        action()
        durations_s.append(time.perf_counter() - started_s)
    return 1000 * float(np.median(durations_s))


def _hop_ms(window: Sound, spec: SoundInput, answer: Callable[[FloatArray], object]) -> float:
    """Times a hop of streamed sound: its own frames, then the network on the window."""
    stream, energies = LogMelStream(spec), log_mel(window, spec)
    hop = window[: HOP_FRAMES * SAMPLE_RATE_HZ // FRAMES_PER_S]

    def one_hop() -> None:
        stream.push(hop)
        answer(sound_features(energies, spec))

    return _median_ms(one_hop)


def _ours(sets: Sequence[Recordings], run: Path, window: Sound) -> System:
    pack = load_pack(MODELS / "speech.json")
    spec, classifier = pack.manifest.input, Classifier(pack)
    assert isinstance(spec, SoundInput)
    (int8, *_), *_ = load_folds(sets, run)
    folds = int8.folds
    recalls = [_uar(one.samples, one.probabilities.argmax(axis=1)) for one in folds]
    return System(recalls, len(pack.model), _hop_ms(window, spec, classifier.classify))


def statistics(sound: Sound, spec: SoundInput) -> FloatArray:
    """Returns mean, deviation and range of 20 MFCCs and of their differences over a whole clip."""
    coefficients = cepstrum(log_mel(sound, spec), spec)[:, :20]
    both = (coefficients, np.diff(coefficients, axis=0))
    of_each = [statistic(part, axis=0) for part in both for statistic in (np.mean, np.std, np.ptp)]
    return np.concatenate(of_each).astype(np.float32)


def _machine(every: Sequence[Splits], spec: SoundInput, window: Sound) -> System:
    recalls: list[float] = []
    machine: Pipeline
    for splits in every:
        train_x, test_x = (
            [statistics(one, spec) for one in part.inputs] for part in (splits.train, splits.test)
        )
        machine = make_pipeline(StandardScaler(), SVC(C=10, class_weight="balanced"))
        machine.fit(train_x, splits.train.majority)
        recalls.append(_uar(splits.test, machine.predict(test_x)))
    hop_ms = _median_ms(lambda: machine.predict([statistics(window, spec)]))
    return System(recalls, len(pickle.dumps(machine)), hop_ms)


def _recurrent(every: Sequence[Splits], run: Path, window: Sound) -> System:
    recalls, task = [], LstmTask()
    for number, splits in enumerate(every, 1):
        folder = run / f"fold{number}"
        if not (folder / INPUT).is_file():
            train(task, splits, folder, Plan(task.schedule, 0, (folder / CHECKPOINT).is_dir()))
        model, spec = load_run(folder)
        windows = [task.device_inputs(one, spec) for one in splits.test.inputs]
        logits = model.predict(np.concatenate(windows), verbose=0)
        ends = np.cumsum([len(one) for one in windows])[:-1]
        pooled = np.stack([one.mean(axis=0) for one in np.split(logits, ends)])
        recalls.append(_uar(splits.test, pooled.argmax(axis=1)))
    assert isinstance(spec, SoundInput)
    kept = 4 * model.count_params()
    compiled = tf.function(lambda features: model(features, training=False), jit_compile=True)
    hop_ms = _hop_ms(window, spec, lambda features: np.asarray(compiled(features[None])))
    return System(recalls, kept, hop_ms)


def main() -> None:
    """Prints UAR by folds, size, and time per hop of each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, action="append")
    parser.add_argument("--run", type=Path, default=Path("runs/speech_folds"), help="our folds")
    parser.add_argument("--lstm", type=Path, default=Path("runs/speech_lstm"), help="its folds")
    arguments = parser.parse_args()
    sets = SpeechTask().recordings(arguments.data)
    folds = read_fold_settings(arguments.run).folds
    every = [_measured_on(sets[0], split_by_speaker(sets, fold, folds)) for fold in range(folds)]
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    window = np.resize(every[0].test.inputs[0], round(spec.duration_s * SAMPLE_RATE_HZ))
    systems = {
        "emotiond, int8": _ours(sets, arguments.run, window),
        "MFCC statistics + SVM": _machine(every, spec, window),
        "residual LSTM, 46.8 k": _recurrent(every, arguments.lstm, window),
    }
    labels, count = len(every[0].train.labels), len(sets[0].samples)
    print(f"{sets[0].dataset}, {count} clips, {folds} folds by speaker, {labels} labels\n")
    print(
        table(
            ("", "UAR", "size KB", "ms per hop"),
            [
                (
                    name,
                    f"{np.mean(one.uar):.1%} ± {np.std(one.uar):.1%}",
                    f"{one.size_bytes / 1000:.0f}",
                    f"{one.hop_ms:.2f}",
                )
                for name, one in systems.items()
            ],
        )
    )


if __name__ == "__main__":
    main()
