"""Computes what a device would hand to a model for each sample of a modality."""

from collections.abc import Sequence
from typing import Any

from rich.progress import track

from converter.tasks.registry import TASKS
from edge.emotions import FloatArray
from edge.perception.manifest import InputSpec


def features_of(modality: str, samples: Sequence[Any], spec: InputSpec) -> list[list[FloatArray]]:
    """Returns the windows of each sample, float32 shaped like the manifest's input."""
    task = TASKS[modality]()
    shown = track(samples, description=f"{modality}, {len(samples)} samples")
    return [[_dense(one) for one in task.device_inputs(sample, spec)] for sample in shown]


def _dense(features: Any) -> FloatArray:
    assert not isinstance(features, dict)
    found: FloatArray = features
    return found
