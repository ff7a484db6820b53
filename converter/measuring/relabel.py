"""Gives the samples of a data set the labels of a pack that was trained with others."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from converter.datasets.samples import DatasetError, Samples
from edge.emotions import Emotion
from edge.perception.manifest import Manifest


def relabelled(
    samples: Samples, label_map: Mapping[str, Emotion | None], manifest: Manifest
) -> Samples:
    """Returns the samples that show one of the pack's labels, with those labels.

    A label is the pack's one of the same name, or else its first one for the same emotion.
    `label_map` gives the emotion of each label of the samples. Raises DatasetError if no sample is
    left.
    """
    targets = np.zeros((len(samples), len(manifest.labels)), np.float32)
    for column, label in enumerate(samples.labels):
        place = _place(label, label_map[label], manifest)
        if place is not None:
            targets[:, place] += samples.targets[:, column]
    found = replace(samples, labels=manifest.labels, targets=targets).labelled
    if not len(found):
        raise DatasetError(
            f"no sample shows a label of {manifest.file}: it has {', '.join(manifest.labels)}, "
            f"the data {', '.join(samples.labels)}"
        )
    return found


def _place(label: str, emotion: Emotion | None, manifest: Manifest) -> int | None:
    names = [one.lower() for one in manifest.labels]
    if label in names:
        return names.index(label)
    same = [i for i, one in enumerate(manifest.labels) if manifest.label_map[one] == emotion]
    return same[0] if emotion is not None and same else None
