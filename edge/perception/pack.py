"""Loads and checks model packs: NAME.tflite with its manifest NAME.json."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge.config import Delegate
from edge.errors import ModelError
from edge.installed import check_signed
from edge.perception.interpreter import Interpreter
from edge.perception.manifest import (
    CHANNELS,
    INPUTS,
    ImageInput,
    InputSpec,
    Manifest,
    Pieces,
    SoundInput,
    TextInput,
)
from edge.perception.text_features import IDS, NGRAMS
from edge.perception.wordpieces import SPECIAL
from edge.values import SAMPLE_RATE_HZ


class Pack(msgspec.Struct, frozen=True):
    """A manifest and the bytes of its model, verified by hash."""

    path: Path
    manifest: Manifest
    model: bytes
    delegate: Delegate | None = None
    """What runs the model; None for the processor."""

    def open(self, threads: int = 1) -> Interpreter:
        """Returns the model, ready to run; raises ModelError if it does not fit its manifest."""
        interpreter = Interpreter(self.model, str(self.path), threads, self.delegate)
        _check_inputs(interpreter, self.path, self.manifest.input)
        if self.manifest.modality != "detector":
            _check_classifier(interpreter, self.path, self.manifest)
        return interpreter


def _check_inputs(interpreter: Interpreter, path: Path, spec: InputSpec) -> None:
    """Raises ModelError unless a model's inputs are those of its manifest."""
    if isinstance(spec, TextInput) and spec.pieces is not None:
        promised = {IDS: (1, spec.pieces.length), NGRAMS: (1, *spec.shape)}
        found = {name: tensor.shape for name, tensor in interpreter.inputs.items()}
        if found != promised:
            raise ModelError(
                f"{path}: the manifest promises inputs {_named(promised)}, "
                f"the model takes {_named(found)}"
            )
    elif interpreter.input.shape != (1, *spec.shape):
        raise ModelError(
            f"{path}: the manifest promises an input of shape {(1, *spec.shape)}, "
            f"the model takes {interpreter.input.shape}"
        )


def _named(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} of shape {shape}" for name, shape in sorted(shapes.items()))


def _check_input(manifest: Manifest, path: Path) -> None:
    spec = manifest.input
    if not isinstance(spec, INPUTS[manifest.modality]):
        raise ModelError(
            f"{path}: a {manifest.modality} model takes {INPUTS[manifest.modality].__name__}, "
            f"the manifest describes {type(spec).__name__}"
        )
    if isinstance(spec, ImageInput):
        _check_image(spec, path)
    if isinstance(spec, TextInput):
        _check_pieces(spec.pieces, path)
        for shortest, longest in (spec.word_ngrams, spec.character_ngrams):
            if shortest > longest:
                raise ModelError(f"{path}: the n-gram range {shortest} to {longest} is reversed")
    if isinstance(spec, SoundInput):
        if spec.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ModelError(
                f"{path}: sample_rate_hz is {spec.sample_rate_hz}, "
                f"the device records at {SAMPLE_RATE_HZ}"
            )
        if spec.shape[1] > spec.mel_bands or (
            spec.coefficients == "log_mel" and spec.shape[1] != spec.mel_bands
        ):
            raise ModelError(
                f"{path}: {spec.mel_bands} mel bands do not give {spec.shape[1]} "
                f"coefficients of the kind {spec.coefficients}"
            )
        if not len(spec.mean) == len(spec.deviation) == spec.shape[1]:
            raise ModelError(
                f"{path}: {spec.shape[1]} coefficients need as many means and deviations, "
                f"found {len(spec.mean)} and {len(spec.deviation)}"
            )


def _check_image(spec: ImageInput, path: Path) -> None:
    if spec.shape[2] != CHANNELS[spec.colour]:
        raise ModelError(f"{path}: {spec.colour} pictures do not have {spec.shape[2]} channels")
    expected = spec.shape[2] if spec.normalization == "affine" else 0
    if not len(spec.mean) == len(spec.deviation) == expected:
        raise ModelError(
            f"{path}: {spec.normalization} pictures of {spec.shape[2]} channels need {expected} "
            f"means and deviations, found {len(spec.mean)} and {len(spec.deviation)}"
        )


def _check_pieces(spec: Pieces | None, path: Path) -> None:
    if spec is None:
        return
    if missing := [piece for piece in SPECIAL if piece not in spec.vocabulary]:
        raise ModelError(f"{path}: the vocabulary lacks {', '.join(missing)}")
    if spec.overlap >= spec.length - 2:
        raise ModelError(
            f"{path}: windows of {spec.length} pieces cannot overlap by {spec.overlap}"
        )


def _check_calibration(manifest: Manifest, path: Path) -> None:
    if manifest.log_prior and len(manifest.log_prior) != len(manifest.labels):
        raise ModelError(
            f"{path}: log_prior has {len(manifest.log_prior)} values for "
            f"{len(manifest.labels)} labels"
        )
    if manifest.familiarity and not manifest.familiarity[0] < manifest.familiarity[1]:
        raise ModelError(f"{path}: familiarity {manifest.familiarity} is not in ascending order")


def _check_classifier(interpreter: Interpreter, path: Path, manifest: Manifest) -> None:
    second = [len(manifest.second_labels)] if manifest.second_labels else []
    counts = [len(manifest.labels), *second]
    shapes = [output.shape for output in interpreter.outputs]
    if shapes != [(1, count) for count in counts]:
        raise ModelError(
            f"{path}: the manifest names {' and '.join(map(str, counts))} labels, "
            f"the model's output has shape {' and '.join(map(str, shapes))}"
        )
    if isinstance(manifest.input, TextInput) and manifest.input.pieces is not None:
        return  # int8 weights, but activations in float32: see docs/training.md
    tensors = [(interpreter.input, "input"), *((one, "output") for one in interpreter.outputs)]
    for tensor, side in tensors:
        if tensor.dtype.__name__ != "int8":
            raise ModelError(
                f"{path}: the model's {side} is {tensor.dtype.__name__}, expected int8; "
                "quantize it with `emotion-convert quantize`"
            )
        if not 0 < tensor.scale < float("inf"):
            raise ModelError(
                f"{path}: one step of the model's {side} is worth {tensor.scale}, which is not a "
                "usable number; make the model again"
            )


def read_manifest(path: Path, sha256: str = "") -> Manifest:
    """Reads a manifest alone; raises ModelError if it is missing, not one, or of another hash."""
    try:
        content = path.read_bytes()
        check_signed(path, content, sha256)
        return msgspec.json.decode(content, type=Manifest)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the manifest ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(
            f"{path}: not a valid manifest ({error}); "
            "if another version made it, make the pack again with this one"
        ) from error


def load_pack(manifest_path: Path, sha256: str = "") -> Pack:
    """Reads a pack by its manifest and checks everything that does not need the model to run.

    `sha256` is the hash that the manifest must have, empty for any. Raises ModelError if a file is
    missing or unreadable, the manifest is invalid, a hash differs, or labels and label map
    disagree.
    """
    manifest = read_manifest(manifest_path, sha256)
    if set(manifest.labels) != set(manifest.label_map):
        odd = sorted(set(manifest.labels) ^ set(manifest.label_map))
        raise ModelError(f"{manifest_path}: labels and label_map disagree on {', '.join(odd)}")
    _check_calibration(manifest, manifest_path)
    _check_input(manifest, manifest_path)
    if not manifest.file.isprintable() or Path(manifest.file).name != manifest.file:
        raise ModelError(f"{manifest_path}: file {manifest.file!r} must be a name, without folder")
    path = manifest_path.parent / manifest.file
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model ({error.strerror})") from error
    found = hashlib.sha256(model).hexdigest()
    if found != manifest.sha256:
        raise ModelError(
            f"{path}: sha256 is {found[:12]}…, the manifest expects {manifest.sha256[:12]}…; "
            "the file is damaged or another version: copy model and manifest again"
        )
    return Pack(path, manifest, model)
