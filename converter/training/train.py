"""Trains a task's network; the result is a run: a folder with model, input and curves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import keras
import msgspec
from keras import ops

from converter.datasets.splits import Origin, Splits
from converter.networks.freezing import freeze_body, freeze_normalization
from converter.networks.statistics import restore_statistics
from converter.networks.weights import (
    MODEL,
    is_folded,
    is_of_pack,
    load_initial_weights,
    manifest_of,
)
from converter.plots import CURVES, draw_curves
from converter.tasks.base import Schedule, Task
from converter.training.batches import Batches, Teachers
from converter.training.losses import accuracy, loss
from converter.training.runs import (
    CALIBRATION,
    CHECKPOINT,
    INPUT,
    ORIGINS,
    Calibration,
    Plan,
    best_loss,
    check_trainable,
    check_trained,
    load_run,
    origins_of_weights,
    start_run,
)
from edge.errors import EmotiondError
from edge.perception.manifest import InputSpec

WARMUP_SHARE = 0.08
# Time constant of the weights' moving average, as a share of all steps.
AVERAGED_SHARE = 0.05


def train(task: Task, splits: Splits, run: Path, plan: Plan) -> Path:
    """Trains on `splits.train`; keeps the best epoch on `splits.held_back`, or the last one.

    The weights are exponential moving averages of the trained ones. Writes model.keras,
    input.json and curves (CSV and PNG) into the folder `run` and returns the model's path.
    """
    check_trainable(splits)
    schedule = plan.schedule
    keras.utils.set_random_seed(plan.seed)
    spec = plan.spec or task.input_spec(splits.train)
    model = task.build(spec)
    weight_origins = _initialize(model, plan, task.labels)
    teachers = _load_teachers(plan, spec, model)
    prepared = task.prepare(splits.train, spec, plan.seed)
    priors = task.label_priors(splits, task.absent_prior) if task.balances_labels else {}
    batches = Batches(task, prepared, spec, schedule, plan.seed, teachers, priors)
    held_back = Batches(task, splits.held_back.labelled, spec, schedule, priors=priors)
    steps = len(batches) * schedule.epochs
    if steps == 0:
        raise EmotiondError(
            f"{len(splits.train)} training samples do not fill one batch of {schedule.batch_size}"
        )
    facts: dict[str, object] = {}
    if plan.weights is not None and is_of_pack(plan.weights):
        freeze_normalization(model)
        freeze_body(model, schedule.trained_layers, len(splits.train))
        start = manifest_of(plan.weights)
        if start.labels == task.labels:
            facts[CALIBRATION] = Calibration.of(start)
    elif plan.weights is not None and is_folded(plan.weights):
        restore_statistics(model, batches)
    _compile(model, schedule, steps)
    facts |= {
        ORIGINS: [splits.origin, *weight_origins],
        "input": spec,
        "parameters": model.count_params(),
    }
    start_run(run, plan, splits, **facts)
    model.fit(
        batches,
        validation_data=held_back,
        epochs=schedule.epochs,
        callbacks=callbacks(run, batches.start_epoch, plan, averaged=True),
    )
    check_trained(run)
    draw_curves(run / CURVES)
    (run / INPUT).write_bytes(msgspec.json.encode(spec))
    return run / MODEL


def _initialize(model: keras.Model, plan: Plan, labels: Sequence[str]) -> list[Origin]:
    """Loads the plan's initial weights, and returns their origins."""
    if plan.weights is None:
        return []
    count = load_initial_weights(model, plan.weights, labels)
    origins = origins_of_weights(plan.weights)
    whole = sum(bool(layer.weights) for layer in model.layers)
    print(f"{count} of {whole} layers with weights start from {plan.weights}")
    return origins


def _load_teachers(plan: Plan, spec: InputSpec, student: keras.Model) -> Teachers | None:
    networks = []
    for run in plan.teachers:
        network, seen = load_run(run)
        if seen != spec:
            raise EmotiondError(f"{run}: this teacher has a different input from the student")
        if network.output_shape != student.output_shape:
            raise EmotiondError(f"{run}: this teacher has different labels from the student")
        networks.append(network)
    return Teachers(networks, plan.schedule.teacher_share) if networks else None


def cosine_schedule(peak: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns a learning rate that first rises to `peak`, and falls to 0 at the last step."""
    warmup_steps = round(steps * WARMUP_SHARE)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=steps - warmup_steps, warmup_target=peak, warmup_steps=warmup_steps
    )


def _compile(model: keras.Model, schedule: Schedule, steps: int) -> None:
    rate = cosine_schedule(schedule.learning_rate, steps)

    def smoothed(answers: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
        return loss(answers, logits, schedule.label_smoothing)

    model.compile(
        keras.optimizers.AdamW(
            rate,
            weight_decay=schedule.weight_decay,
            global_clipnorm=schedule.largest_gradient,
            use_ema=True,
            ema_momentum=1 - 1 / max(steps * AVERAGED_SHARE, 10),
        ),
        smoothed,
        metrics=[accuracy],
        jit_compile=_compiles_at_runtime(model),
    )
    create_variables(model)


def create_variables(model: keras.Model) -> None:
    """Creates the variables of a compiled model's optimizer, loss and metrics.

    Keras would create them in the first training step, and TensorFlow builds the graph of a step
    that creates variables twice.
    """
    model.optimizer.build(model.trainable_variables)
    answers = ops.zeros((1, *model.output_shape[1:]))
    model.compute_loss(y=answers, y_pred=answers)
    model.compute_metrics(None, answers, answers)
    model.reset_metrics()


def _compiles_at_runtime(model: keras.Model) -> bool | Literal["auto"]:
    """Returns Keras' `jit_compile`, which under TensorFlow compiles training steps with XLA.

    XLA makes a network of dense layers faster, and convolutions on a CPU ten times slower; it does
    not support sparse tensors.
    """
    convolves = any(hasattr(layer, "kernel_size") for layer in model.layers)
    slower = convolves or any(one.sparse for one in model.inputs)
    return False if slower and keras.backend.backend() == "tensorflow" else "auto"


def callbacks(
    run: Path, start_epoch: Callable[..., None], plan: Plan, averaged: bool
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of a training, in their order.

    The checkpoint is saved before the `averaged` weights, if any, are swapped in: it has both.
    """
    return [
        keras.callbacks.LambdaCallback(on_epoch_begin=start_epoch),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.BackupAndRestore(run / CHECKPOINT, double_checkpoint=True),
        *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if averaged else ()),
        keras.callbacks.ModelCheckpoint(
            run / MODEL,
            monitor="val_loss",
            save_best_only=not plan.schedule.keep_last,
            initial_value_threshold=best_loss(run / CURVES),
        ),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=plan.schedule.patience),
        keras.callbacks.CSVLogger(run / CURVES, append=plan.resume),
    ]
