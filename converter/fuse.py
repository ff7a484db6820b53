"""Learns how far fusion may trust each model on each emotion."""

from collections.abc import Iterable
from pathlib import Path

from converter.samples import HELD_BACK
from edge.emotions import EMOTIONS
from edge.errors import EmotiondError
from edge.fusion import Reliabilities, save_reliabilities
from edge.perception.pack import Manifest

# An emotion a model never got right on little data is not proof that it never will.
LEAST_RELIABILITY = 0.05


def reliability(manifest: Manifest) -> dict[str, float]:
    """F1 of each of the seven on held-back data, as the pack's own manifest has it."""
    found = {m.metric: m.value for m in manifest.metrics if m.split == HELD_BACK}
    missing = [emotion for emotion in EMOTIONS if f"f1_{emotion}" not in found]
    if missing:
        raise EmotiondError(
            f"model {manifest.name!r} has no held-back F1 of {', '.join(missing)}; "
            "make it again with `emotion-convert quantize`"
        )
    return {emotion: max(found[f"f1_{emotion}"], LEAST_RELIABILITY) for emotion in EMOTIONS}


def write_fusion(manifests: Iterable[Manifest], path: Path) -> Reliabilities:
    """Writes models/fusion.json from the manifests of the packs it fuses."""
    learned = Reliabilities({m.modality: reliability(m) for m in manifests})
    save_reliabilities(learned, path)
    return learned
