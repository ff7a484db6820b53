"""Batches: the features and targets of a training step."""

import keras
import numpy as np
import pytest

from converter.datasets.samples import Samples
from converter.tasks.face import FaceTask
from converter.training.batches import Batches, Teachers, _mix_up
from edge.emotions import FloatArray, softmax

TASK = FaceTask()


@pytest.fixture(scope="module")
def samples() -> Samples:
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 255, (20, 48, 48), np.uint8))
    targets = np.eye(8, dtype=np.float32)[rng.integers(0, 8, 20)]
    second = np.eye(7, dtype=np.float32)[rng.integers(0, 7, 20)]
    return Samples(TASK.labels, pictures, targets, tuple(map(str, range(20))), second)


def _batches(samples: Samples, mixup: float = 0.0, seed: int | None = 0) -> Batches:
    return Batches(TASK, samples, TASK.input_spec(samples), 8, seed, mixup=mixup)


def test_a_batch_depends_only_on_seed_and_epoch(samples: Samples) -> None:
    one, other = _batches(samples), _batches(samples)
    other.start_epoch(3)
    assert not np.array_equal(one[1][0], other[1][0])
    other.start_epoch(0)
    assert np.array_equal(one[1][0], other[1][0])
    assert not np.array_equal(one[1][0], _batches(samples, seed=1)[1][0])


def test_without_a_seed_samples_come_whole_and_in_order(samples: Samples) -> None:
    batches = _batches(samples, seed=None)
    assert len(batches) == 3
    assert len(_batches(samples)) == 2
    _, (targets, second) = batches[2]
    assert np.array_equal(targets, samples.targets[16:])
    assert samples.second is not None
    assert np.array_equal(second, samples.second[16:])


def test_mixup_mixes_pictures_and_labels_alike(samples: Samples) -> None:
    features, (targets, second) = _batches(samples, mixup=1.0)[0]
    plain, (whole, _) = _batches(samples)[0]
    assert np.allclose(targets.sum(axis=1), 1)
    assert np.allclose(second.sum(axis=1), 1)
    shares = targets.max(axis=1)
    assert ((shares > 0.5) & (shares < 1)).any()
    # The largest share is still the sample's own.
    assert np.array_equal(targets.argmax(axis=1), whole.argmax(axis=1))
    assert not np.allclose(features, plain)


def _teacher(logits: list[FloatArray]) -> keras.Model:
    """A network with the same logits for every picture."""
    inputs = keras.Input((48, 48, 1))
    zero = keras.layers.Rescaling(0.0)(keras.layers.GlobalAveragePooling2D()(inputs))
    heads = []
    for bias in logits:
        layer = keras.layers.Dense(len(bias))
        heads.append(layer(zero))
        layer.set_weights([layer.get_weights()[0], bias])
    return keras.Model(inputs, heads)


def test_teachers_make_up_their_share_of_every_target(samples: Samples) -> None:
    rng = np.random.default_rng(1)
    teacher_logits = [[rng.normal(0, 1, n).astype(np.float32) for n in (8, 7)] for _ in range(2)]
    teachers = Teachers([_teacher(logits) for logits in teacher_logits], share=0.25)
    spec = TASK.input_spec(samples)
    plain, (first, second) = _batches(samples)[0]
    features, mixed_targets = Batches(TASK, samples, spec, 8, 0, teachers)[0]
    assert np.array_equal(features, plain)
    for head, (target, mixed) in enumerate(zip((first, second), mixed_targets, strict=True)):
        mean = np.mean([softmax(logits[head]) for logits in teacher_logits], axis=0)
        assert np.allclose(mixed, 0.75 * target + 0.25 * mean, atol=1e-5)


def test_mixing_keeps_the_labels_of_the_larger_share() -> None:
    rng = np.random.default_rng(0)
    nan = np.nan
    targets = np.array([[1, 0, nan, nan], [nan, nan, 0, 1]] * 8, np.float32)
    (mixed,) = _mix_up(rng, 0.2, targets)
    assert np.array_equal(np.isnan(mixed), np.isnan(targets))
    assert (np.nansum(mixed, axis=1) >= 0.5).all()
