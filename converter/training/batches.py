"""Batches of a training run: features and targets, shuffled, augmented, with teachers."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from converter.datasets.samples import Samples
from converter.tasks.base import Task
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

    def mix(self, features: FloatArray, targets: list[FloatArray]) -> list[FloatArray]:
        """Mixes the targets of each output with a `share` of the teachers' predictions."""
        answers = [self._predict(network, features) for network in self._networks]
        return [
            (1 - self._share) * target + self._share * np.mean(predicted, axis=0, dtype=np.float32)
            for target, *predicted in zip(targets, *answers, strict=True)
        ]

    @staticmethod
    def _predict(network: keras.Model, features: FloatArray) -> list[FloatArray]:
        outputs = network(features, training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return [softmax(keras.ops.convert_to_numpy(one)) for one in outputs]


class Batches(keras.utils.PyDataset):
    """The samples in batches: with a `seed`, prepared ones, shuffled and augmented.

    Without one they are in order, as the device sees them: all windows of each.
    """

    def __init__(
        self,
        task: Task,
        samples: Samples,
        spec: InputSpec,
        batch_size: int,
        seed: int | None = None,
        teachers: Teachers | None = None,
        mixup: float = 0.0,
    ) -> None:
        super().__init__(workers=2)
        self._task, self._samples, self._spec = task, samples, spec
        self._batch_size, self._seed = batch_size, seed
        self._teachers, self._mixup = teachers, mixup
        self._targets = task.training_targets(samples)
        self._order = np.arange(len(samples))
        self._weights = None if seed is None else task.sample_weights(samples)
        self._cache: dict[int, tuple[FloatArray, Any]] = {}
        self.start_epoch(0)

    def __len__(self) -> int:
        whole, rest = divmod(len(self._samples), self._batch_size)
        return whole + (rest > 0 and self._seed is None)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        if self._seed is None:
            return self._unaugmented(index, chosen)
        rng = np.random.default_rng((self._seed, self._epoch, index))
        augmented = [self._task.augment(self._samples.inputs[i], rng) for i in chosen]
        features = self._task.batch(augmented, self._spec)
        targets = [self._targets[chosen]]
        if self._samples.second is not None:
            targets.append(self._samples.second[chosen])
        if self._mixup > 0:
            features, *targets = _mix_up(rng, self._mixup, features, *targets)
        if self._teachers is not None:
            targets = self._teachers.mix(features, targets)
        return features, _as_outputs(targets)

    def _unaugmented(self, index: int, chosen: npt.NDArray[np.intp]) -> tuple[FloatArray, Any]:
        """Returns a batch of unaugmented samples, the same in every epoch; cached if it fits."""
        if index not in self._cache:
            windows = [
                self._task.device_inputs(self._samples.inputs[i], self._spec) for i in chosen
            ]
            rows = np.repeat(chosen, [len(one) for one in windows])
            targets = [self._targets[rows]]
            if self._samples.second is not None:
                targets.append(self._samples.second[rows])
            features = np.stack([features for one in windows for features in one])
            if features.nbytes * len(self) > CACHE_BYTES:
                return features, _as_outputs(targets)
            self._cache[index] = features, _as_outputs(targets)
        return self._cache[index]

    def start_epoch(self, epoch: int, logs: object = None) -> None:
        """Shuffles for an epoch; the order depends on the seed and the epoch's number."""
        self._epoch = epoch
        if self._seed is not None:
            rng, count = np.random.default_rng((self._seed, epoch)), len(self._order)
            self._order = (
                rng.permutation(count)
                if self._weights is None
                else rng.choice(count, count, p=self._weights)
            )


def _as_outputs(targets: list[FloatArray]) -> Any:
    return tuple(targets) if len(targets) > 1 else targets[0]


def _mix_up(rng: np.random.Generator, shape: float, *arrays: FloatArray) -> list[FloatArray]:
    """Mixes each sample of a batch, and its targets, with another one (Zhang et al. 2018).

    The larger share keeps its NaN, labels that its annotators could not choose; those of the
    smaller one count as 0.
    """
    shares = rng.beta(shape, shape, len(arrays[0])).astype(np.float32)
    shares = np.maximum(shares, 1 - shares)
    partners = rng.permutation(len(shares))
    mixed = []
    for array in arrays:
        weights = shares.reshape(-1, *[1] * (array.ndim - 1))
        mixed.append(weights * array + (1 - weights) * np.nan_to_num(array[partners]))
    return mixed
