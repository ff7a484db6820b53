"""Reads a model of any format that can be imported."""

from collections.abc import Callable
from pathlib import Path

from converter.importing.keras_files import read_keras, read_onnx
from converter.importing.lite import read_saved_model, read_tflite
from converter.importing.original import ModelImportError, Original, check_weights, stored_bytes

MAX_BYTES = 500_000_000
"""Larger models are refused: int8 makes a quarter of it, too much for a device's memory."""
Reader = Callable[[Path, tuple[int, int] | None], Original]
READERS: dict[str, Reader] = {
    ".keras": read_keras,
    ".h5": read_keras,
    ".hdf5": read_keras,
    ".onnx": read_onnx,
    ".tflite": read_tflite,
}
"""By the end of the file's name."""


def read_model(path: Path, size: tuple[int, int] | None = None) -> Original:
    """Reads a model; `size`, height and width, fills open axes. Raises ModelImportError."""
    reader: Reader
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ModelImportError(
                f"{path}: this folder is no SavedModel, saved_model.pb is missing; give the folder "
                f"that `model.export` wrote, or a file of {', '.join(READERS)}"
            )
        reader = read_saved_model
    elif not path.is_file():
        raise ModelImportError(f"{path}: no such file")
    elif path.suffix.lower() not in READERS:
        raise ModelImportError(
            f"{path}: {path.suffix or 'a file without suffix'} is no known format; expected a "
            f"SavedModel folder, or {', '.join(READERS)}"
        )
    else:
        reader = READERS[path.suffix.lower()]
    if (stored := stored_bytes(path)) > MAX_BYTES:
        raise ModelImportError(
            f"{path}: {stored / 1e6:,.0f} MB; models of up to {MAX_BYTES / 1e6:.0f} MB can be "
            "imported: train a smaller network, such as a MobileNet"
        )
    found = reader(path, size)
    check_weights(path, found.model)
    return found
