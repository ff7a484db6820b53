"""Batches: the features and targets of a training step."""

from typing import Any

import keras
import numpy as np
import pytest
from msgspec.structs import replace

from converter.datasets.samples import Samples
from converter.tasks.face import FaceTask
from converter.training.batches import Batches, Teachers
from edge.emotions import FloatArray, softmax

TASK = FaceTask()


@pytest.fixture(scope="module")
def samples() -> Samples:
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 255, (20, 48, 48), np.uint8))
    targets = np.eye(8, dtype=np.float32)[rng.integers(0, 8, 20)]
    return Samples(TASK.labels, pictures, targets, ("one", "other") * 10)


def _batches(samples: Samples, mixup: float = 0.0, seed: int | None = 0, **options: Any) -> Batches:
    schedule = replace(TASK.schedule, batch_size=8, mixup=mixup)
    return Batches(TASK, samples, TASK.input_spec(samples), schedule, seed, **options)


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
    _, targets = batches[2]
    assert np.array_equal(targets, samples.targets[16:])


def test_mixup_mixes_pictures_and_labels_alike(samples: Samples) -> None:
    features, targets = _batches(samples, mixup=1.0)[0]
    plain, whole = _batches(samples)[0]
    assert np.allclose(targets.sum(axis=1), 1)
    mixed = np.flatnonzero(targets.max(axis=1) < 1)
    assert len(mixed)
    for row in mixed:
        own = whole[row].argmax()
        share = targets[row, own]
        assert share >= 0.5
        partners = np.flatnonzero((whole.argmax(axis=1) != own) & (whole @ targets[row] > 0))
        blends = [share * plain[row] + (1 - share) * plain[other] for other in partners]
        assert any(np.allclose(features[row], blend, atol=1e-4) for blend in blends)


def test_answers_carry_the_label_priors_of_their_data_set(samples: Samples) -> None:
    priors = {name: np.full(8, value, np.float32) for name, value in (("one", 1), ("other", 2))}
    _, answers = _batches(samples, seed=None, priors=priors)[0]
    assert answers.shape == (8, 2, 8)
    assert np.array_equal(answers[:, 0], samples.targets[:8])
    assert answers[:, 1, 0].tolist() == [1, 2] * 4
    _, mixed = _batches(samples, mixup=1.0, priors=priors)[0]
    assert ((mixed[:, 1] > 1) & (mixed[:, 1] < 2)).any()


def _teacher(logits: FloatArray) -> keras.Model:
    """A network with the same logits for every picture."""
    inputs = keras.Input((TASK.side, TASK.side, 1))
    zero = keras.layers.Rescaling(0.0)(keras.layers.GlobalAveragePooling2D()(inputs))
    layer = keras.layers.Dense(len(logits))
    outputs = layer(zero)
    layer.set_weights([layer.get_weights()[0], logits])
    return keras.Model(inputs, outputs)


def test_teachers_make_up_their_share_of_every_target(samples: Samples) -> None:
    rng = np.random.default_rng(1)
    logits = [rng.normal(0, 1, 8).astype(np.float32) for _ in range(2)]
    teachers = Teachers([_teacher(one) for one in logits], share=0.25)
    plain, targets = _batches(samples)[0]
    features, mixed = _batches(samples, teachers=teachers)[0]
    assert np.array_equal(features, plain)
    mean = np.mean([softmax(one) for one in logits], axis=0)
    assert np.allclose(mixed, 0.75 * targets + 0.25 * mean, atol=1e-5)


def test_a_teacher_predicts_for_the_label_priors_of_each_sample(samples: Samples) -> None:
    logits = np.zeros(8, np.float32)
    teachers = Teachers([_teacher(logits)], share=1.0)
    prior = np.array([0.5, 0.3, 0.2, 0, 0, 0, 0, 0], np.float32)
    _, answers = _batches(samples, teachers=teachers, priors={"one": prior, "other": prior})[0]
    assert np.allclose(answers[:, 0], prior, atol=1e-6)
    assert np.allclose(answers[:, 1], prior)
