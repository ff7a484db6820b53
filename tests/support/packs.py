"""Model packs with faults."""

import struct
from pathlib import Path

from benchmarks.harness.packs import speech_pack_of
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
