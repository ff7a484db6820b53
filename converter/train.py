"""Trains a task's network; the result is a run: a folder with model, input and curves."""

from pathlib import Path

import keras
import msgspec
import numpy as np

from converter.samples import Samples, Splits
from converter.tasks.base import Schedule, Task
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.pack import InputSpec

MODEL = "model.keras"
INPUT = "input.json"
CURVES = "curves.csv"
WARMUP_SHARE = 0.08
# Of all steps, the latest share that the averaged weights look back on.
AVERAGED_SHARE = 0.05


class Batches(keras.utils.PyDataset):
    """Batches of features and target distributions; shuffled and augmented when told to."""

    def __init__(
        self,
        task: Task,
        samples: Samples,
        spec: InputSpec,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        super().__init__(workers=2)
        self._task, self._samples, self._spec = task, samples, spec
        self._batch_size, self._seed = batch_size, seed
        self._epoch = 0
        self._order = np.arange(len(samples))
        self._shuffle()

    def __len__(self) -> int:
        whole, rest = divmod(len(self._samples), self._batch_size)
        return whole + (rest > 0 and self._seed is None)

    def __getitem__(self, index: int) -> tuple[FloatArray, FloatArray]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        rng = np.random.default_rng((self._seed or 0, self._epoch, index))
        inputs = [self._samples.inputs[i] for i in chosen]
        if self._seed is not None:
            inputs = [self._task.augment(sample, rng) for sample in inputs]
        features = np.stack([self._task.features(sample, self._spec) for sample in inputs])
        return features, self._samples.targets[chosen]

    def on_epoch_end(self) -> None:
        """Shuffles for the next epoch."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        if self._seed is not None:
            np.random.default_rng((self._seed, self._epoch)).shuffle(self._order)


def train(task: Task, splits: Splits, run: Path, schedule: Schedule, seed: int = 0) -> Path:
    """Trains on `splits.train`, keeps the weights that do best on `splits.held_back`.

    The weights are exponential moving averages of the trained ones. Writes model.keras,
    input.json and curves.csv into the folder `run` and gives the model's path.
    """
    keras.utils.set_random_seed(seed)
    run.mkdir(parents=True, exist_ok=True)
    (run / INPUT).unlink(missing_ok=True)  # until training ends there is no run to build from
    spec = task.input_spec(splits.train)
    model = task.network(spec)
    batches = Batches(task, splits.train, spec, schedule.batch_size, seed=seed)
    steps = len(batches) * schedule.epochs
    if steps == 0:
        raise EmotiondError(
            f"{len(splits.train)} training samples do not fill one batch of {schedule.batch_size}"
        )
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=steps - round(steps * WARMUP_SHARE),
        warmup_target=schedule.learning_rate,
        warmup_steps=round(steps * WARMUP_SHARE),
    )
    momentum = 1 - 1 / max(steps * AVERAGED_SHARE, 10)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01, use_ema=True, ema_momentum=momentum),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        batches,
        validation_data=Batches(task, splits.held_back, spec, schedule.batch_size),
        epochs=schedule.epochs,
        callbacks=[
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            keras.callbacks.ModelCheckpoint(run / MODEL, monitor="val_loss", save_best_only=True),
            keras.callbacks.CSVLogger(run / CURVES),
        ],
    )
    (run / INPUT).write_bytes(msgspec.json.encode(spec))
    return run / MODEL


def load_run(run: Path) -> tuple[keras.Model, InputSpec]:
    """The trained model of a run and the input it takes; raises EmotiondError without one."""
    try:
        spec = msgspec.json.decode((run / INPUT).read_bytes(), type=InputSpec)
        return keras.models.load_model(run / MODEL, compile=False), spec
    except (OSError, ValueError) as error:
        raise EmotiondError(f"{run}: no finished training run ({error})") from error
