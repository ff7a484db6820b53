"""Batches of a training run: features and targets, shuffled, augmented, with teachers."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from converter.datasets.samples import Samples
from converter.tasks.base import Schedule, Task
from converter.training.losses import with_priors
from edge.emotions import FloatArray, softmax
from edge.perception.manifest import InputSpec

# Features that are larger in all are computed again in each epoch.
CACHE_BYTES = 2**30


class Teachers:
    """Larger networks whose predictions become part of the targets (Hinton et al. 2015).

    Several teachers are averaged. They get the same features as the student.
    """

    def __init__(self, networks: Sequence[keras.Model], share: float) -> None:
        self._networks, self._share = networks, share

    def mix(self, features: FloatArray, answers: FloatArray) -> FloatArray:
        """Mixes a batch's answers with a `share` of the teachers' predictions.

        Where the answers have label priors, the predictions are for the same ones.
        """
        logits = [network(features, training=False) for network in self._networks]
        if answers.ndim == logits[0].ndim:
            return self._mixed(answers, logits)
        targets, priors = answers[:, 0], answers[:, 1]
        adjusted = [with_priors(one, priors) for one in logits]
        return np.stack([self._mixed(targets, adjusted), priors], axis=1)

    def _mixed(self, targets: FloatArray, logits: Sequence[keras.KerasTensor]) -> FloatArray:
        answers = [softmax(keras.ops.convert_to_numpy(one)) for one in logits]
        predicted = np.mean(answers, axis=0, dtype=np.float32)
        return np.asarray((1 - self._share) * targets + self._share * predicted)


class Batches(keras.utils.PyDataset):
    """The samples in batches: with a `seed`, prepared ones, shuffled and augmented.

    Without one they are in order, as the device sees them: all windows of each.
    """

    def __init__(
        self,
        task: Task,
        samples: Samples,
        spec: InputSpec,
        schedule: Schedule,
        seed: int | None = None,
        teachers: Teachers | None = None,
        priors: Mapping[str, FloatArray] | None = None,
    ) -> None:
        """`priors` are the label priors of each data set, by the groups of the samples."""
        super().__init__(workers=2)
        self._task, self._samples, self._spec = task, samples, spec
        self._batch_size, self._seed = schedule.batch_size, seed
        self._drawn = max(len(samples), schedule.least_batches * schedule.batch_size)
        self._teachers, self._mixup = teachers, schedule.mixup
        self._answers = samples.targets
        if priors:
            of_samples = np.stack([priors[group] for group in samples.groups])
            self._answers = np.stack([samples.targets, of_samples], axis=1)
        self._order = np.arange(len(samples))
        self._weights = None if seed is None else task.sample_weights(samples)
        self._cache: dict[int, tuple[FloatArray, FloatArray]] = {}
        self.start_epoch(0)

    def __len__(self) -> int:
        whole, rest = divmod(len(self._order), self._batch_size)
        return whole + (rest > 0 and self._seed is None)

    def __getitem__(self, index: int) -> tuple[Any, FloatArray]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        if self._seed is None:
            return self._unaugmented(index, chosen)
        rng = np.random.default_rng((self._seed, self._epoch, index))
        augmented = [self._task.augment(self._samples.inputs[i], rng) for i in chosen]
        features = self._task.batch(augmented, self._spec)
        answers = self._answers[chosen]
        if self._mixup > 0:
            features, answers = _mix_up(rng, self._mixup, features, answers)
        if self._teachers is not None:
            answers = self._teachers.mix(features, answers)
        return features, answers

    def _unaugmented(
        self, index: int, chosen: npt.NDArray[np.intp]
    ) -> tuple[FloatArray, FloatArray]:
        """Returns a batch of unaugmented samples, the same in every epoch; cached if it fits."""
        if index not in self._cache:
            windows: list[Sequence[Any]] = [
                self._task.device_inputs(self._samples.inputs[i], self._spec) for i in chosen
            ]
            rows = np.repeat(chosen, [len(one) for one in windows])
            features = np.stack([features for one in windows for features in one])
            if features.nbytes * len(self) > CACHE_BYTES:
                return features, self._answers[rows]
            self._cache[index] = features, self._answers[rows]
        return self._cache[index]

    def start_epoch(self, epoch: int, logs: object = None) -> None:
        """Shuffles for an epoch; the order depends on the seed and the epoch's number."""
        self._epoch = epoch
        if self._seed is not None:
            rng, count = np.random.default_rng((self._seed, epoch)), len(self._samples)
            self._order = (
                np.concatenate([rng.permutation(count) for _ in range(-(-self._drawn // count))])
                if self._weights is None
                else rng.choice(count, self._drawn, p=self._weights)
            )[: self._drawn]


def _mix_up(rng: np.random.Generator, shape: float, *arrays: FloatArray) -> list[FloatArray]:
    """Mixes each sample of a batch and its answer with another one (Zhang et al. 2018)."""
    shares = rng.beta(shape, shape, len(arrays[0])).astype(np.float32)
    shares = np.maximum(shares, 1 - shares)  # most of a sample is its own
    partners = rng.permutation(len(shares))
    mixed = []
    for array in arrays:
        weights = shares.reshape(-1, *[1] * (array.ndim - 1))
        mixed.append(weights * array + (1 - weights) * array[partners])
    return mixed
