"""Model packs that do not ship: with faults, and with labels of their own."""

import shutil
import struct
from pathlib import Path

import msgspec

from benchmarks.harness.packs import speech_pack_of
from edge.perception.manifest import save_manifest
from edge.perception.pack import load_pack
from edge.resources import MODELS

SUBGRAPHS_SLOT = 4 + 2 * 2
"""Place, in the table of fields of a TFLite model, of the offset of its graphs."""


def crashing_pack(folder: Path) -> Path:
    """Writes a speech pack whose model has no graph, which ends LiteRT by SIGSEGV."""
    model = bytearray((MODELS / "speech.tflite").read_bytes())
    (root,) = struct.unpack_from("<I", model, 0)
    (to_fields,) = struct.unpack_from("<i", model, root)
    struct.pack_into("<H", model, root - to_fields + SUBGRAPHS_SLOT, 0)
    return speech_pack_of(bytes(model), folder)


OWN_LABELS = {"happiness": "engaged", "joy": "engaged", "neutral": "bored"}


def pack_with_own_labels(folder: Path, modality: str) -> Path:
    """Writes a pack with *engaged*, which counts as happy, and *bored*, as none of the seven."""
    shutil.copy(MODELS / f"{modality}.tflite", folder)
    manifest = load_pack(MODELS / f"{modality}.json").manifest
    label_map = {OWN_LABELS.get(one, one): two for one, two in manifest.label_map.items()}
    changed = msgspec.structs.replace(
        manifest,
        labels=tuple(OWN_LABELS.get(one, one) for one in manifest.labels),
        label_map={**label_map, "engaged": "happy", "bored": None},
        checks=(),
    )
    path = folder / f"{modality}.json"
    save_manifest(changed, path)
    return path
