"""Learns how far fusion may trust each model on each emotion."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from converter.samples import BY_SPEAKER, HELD_BACK
from edge.emotions import EMOTIONS
from edge.errors import EmotiondError
from edge.fusion import Reliabilities, save_reliabilities
from edge.perception.pack import Manifest

# An emotion a model never got right on little data is not proof that it never will.
LEAST_RELIABILITY = 0.05


def reliability(manifest: Manifest) -> dict[str, float]:
    """F1 of each of the seven on data that did not teach the int8 model, as its manifest has it.

    That is by folds of speakers where they were measured, the mean of the data sets that an
    emotion occurs in, else on the held-back split.
    """
    int8 = [one for one in manifest.metrics if one.of == "int8"]
    chosen = [one for one in int8 if one.split.endswith(BY_SPEAKER)]
    chosen = chosen or [one for one in int8 if one.split == HELD_BACK]
    learned: dict[str, float] = {}
    for emotion in EMOTIONS:
        found = [one.value for one in chosen if one.metric == f"f1_{emotion}"]
        if not found:
            raise EmotiondError(
                f"model {manifest.name!r} has no held-back F1 of {emotion}; "
                "make it again with `emotion-convert quantize`"
            )
        occurring = [value for value in found if value > 0] or found
        learned[emotion] = max(round(float(np.mean(occurring)), 4), LEAST_RELIABILITY)
    return learned


def write_fusion(manifests: Iterable[Manifest], path: Path) -> Reliabilities:
    """Writes models/fusion.json from the manifests of the packs it fuses."""
    learned = Reliabilities({m.modality: reliability(m) for m in manifests})
    save_reliabilities(learned, path)
    return learned
