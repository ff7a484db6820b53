"""Model packs: NAME.tflite beside NAME.json, refused in one sentence when they do not fit."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.emotions import Emotion
from edge.errors import ModelError
from edge.perception.checksample import CheckSample
from edge.perception.interpreter import Interpreter
from edge.values import SAMPLE_RATE_HZ

Modality = Literal["face", "speech", "text"]
Coefficients = Literal["log_mel", "mfcc"]
"""Of a frame of sound: logarithms of mel-band energies, or their cepstrum."""
PositiveInt = Annotated[int, Meta(gt=0)]


class ImageInput(msgspec.Struct, frozen=True, tag="image", tag_field="kind"):
    """A picture: `shape` is height, width, channels."""

    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    colour: Literal["grey", "rgb"]
    normalization: Literal["standardized", "unit", "signed_unit"]
    """Zero mean and unit deviation per picture; or 0..1; or -1..1."""


class SoundInput(msgspec.Struct, frozen=True, tag="sound", tag_field="kind"):
    """Mel bands of mono sound, or their cepstrum; `shape` is frames, coefficients."""

    shape: tuple[PositiveInt, PositiveInt]
    sample_rate_hz: PositiveInt
    window_s: Annotated[float, Meta(gt=0)]
    """Length of one analysis frame."""
    hop_s: Annotated[float, Meta(gt=0)]
    """Distance between the starts of two frames."""
    fft_length: PositiveInt
    mel_bands: PositiveInt
    low_hz: Annotated[float, Meta(ge=0)]
    high_hz: Annotated[float, Meta(gt=0)]
    preemphasis: Annotated[float, Meta(ge=0, lt=1)]
    coefficients: Coefficients
    lifter: Annotated[int, Meta(ge=0)]
    mean: tuple[float, ...]
    """Of each coefficient over the training data, after the level is taken off."""
    deviation: tuple[Annotated[float, Meta(gt=0)], ...]

    @property
    def window_samples(self) -> int:
        """Length of a frame."""
        return round(self.window_s * self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        """From the start of a frame to that of the next one."""
        return round(self.hop_s * self.sample_rate_hz)

    @property
    def duration_s(self) -> float:
        """Length of sound that fills every frame of `shape`."""
        return self.window_s + (self.shape[0] - 1) * self.hop_s


class TextInput(msgspec.Struct, frozen=True, tag="text", tag_field="kind"):
    """Hashed n-gram counts of a text; `shape` is the number of hash buckets."""

    shape: tuple[PositiveInt]
    tokens: Literal["unicode-3"]
    """How a text is split and hashed: the version of `edge.perception.ngrams`."""
    word_ngrams: tuple[PositiveInt, PositiveInt]
    """Shortest and longest run of words."""
    character_ngrams: tuple[PositiveInt, PositiveInt]
    """Shortest and longest run of characters within a word."""
    max_characters: Annotated[int, Meta(gt=0, le=4096)]
    """Characters read; what follows is not looked at. Python reads no number of 4,300 digits."""


InputSpec = ImageInput | SoundInput | TextInput

INPUTS: dict[str, type[InputSpec]] = {
    "face": ImageInput,
    "detector": ImageInput,
    "speech": SoundInput,
    "text": TextInput,
}
"""What the model of each modality takes."""
CHANNELS = {"grey": 1, "rgb": 3}


class Metric(msgspec.Struct, frozen=True):
    """One measured figure; `of` says which form of the model it was measured on."""

    dataset: str
    split: str
    metric: str
    value: float
    n: int
    of: Literal["int8", "float32"] = "int8"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a pack says of its model; scale and zero point are read from the model itself."""

    name: str
    version: str
    modality: Literal["face", "speech", "text", "detector"]
    file: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    labels: tuple[str, ...]
    label_map: dict[str, Emotion | None]
    second_labels: tuple[str, ...] = ()
    """Of a second output that answers by another labelling: measured, not used by the device."""
    input: InputSpec
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    prior_correction: float = 0.0
    """Share of the rarity of rare labels that was taken off the logits, inside the model."""
    thresholds: dict[str, dict[str, float]] = {}
    """Multi-label models: the probability from which each label counts as present.

    Annotators are more or less generous with labels, so each data set has its own.
    """
    metrics: tuple[Metric, ...] = ()
    checks: tuple[CheckSample, ...] = ()
    trained_on: tuple[str, ...] = ()
    licence: str
    origin: str = ""
    """Where a model that was not trained here comes from."""
    created: str
    """RFC 3339 date."""
    converter_version: str


class Pack(msgspec.Struct, frozen=True):
    """A manifest and the bytes of the model that its hash vouches for."""

    path: Path
    manifest: Manifest
    model: bytes

    def open(self, threads: int = 1) -> Interpreter:
        """The model, ready to run; raises ModelError where it does not fit its manifest."""
        interpreter = Interpreter(self.model, str(self.path), threads)
        expected = (1, *self.manifest.input.shape)
        if interpreter.input.shape != expected:
            raise ModelError(
                f"{self.path}: the manifest promises an input of shape {expected}, "
                f"the model takes {interpreter.input.shape}"
            )
        if self.manifest.modality != "detector":
            _check_classifier(interpreter, self.path, self.manifest)
        return interpreter


def _check_input(manifest: Manifest, path: Path) -> None:
    spec = manifest.input
    if not isinstance(spec, INPUTS[manifest.modality]):
        raise ModelError(
            f"{path}: a {manifest.modality} model takes {INPUTS[manifest.modality].__name__}, "
            f"the manifest describes {type(spec).__name__}"
        )
    if isinstance(spec, ImageInput) and spec.shape[2] != CHANNELS[spec.colour]:
        raise ModelError(f"{path}: {spec.colour} pictures do not have {spec.shape[2]} channels")
    if isinstance(spec, TextInput):
        for shortest, longest in (spec.word_ngrams, spec.character_ngrams):
            if shortest > longest:
                raise ModelError(f"{path}: n-grams of {shortest} to {longest} are none")
    if isinstance(spec, SoundInput):
        if spec.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ModelError(
                f"{path}: sample_rate_hz is {spec.sample_rate_hz}, "
                f"the device hears {SAMPLE_RATE_HZ}"
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


def _check_classifier(interpreter: Interpreter, path: Path, manifest: Manifest) -> None:
    second = [len(manifest.second_labels)] if manifest.second_labels else []
    counts = [len(manifest.labels), *second]
    shapes = [output.shape for output in interpreter.outputs]
    if shapes != [(1, count) for count in counts]:
        raise ModelError(
            f"{path}: the manifest names {' and '.join(map(str, counts))} labels, "
            f"the model's output has shape {' and '.join(map(str, shapes))}"
        )
    tensors = [(interpreter.input, "input"), *((one, "output") for one in interpreter.outputs)]
    for tensor, side in tensors:
        if tensor.dtype.__name__ != "int8":
            raise ModelError(
                f"{path}: the model's {side} is {tensor.dtype.__name__}, expected int8; "
                "quantize it with `emotion-convert quantize`"
            )
        if not 0 < tensor.scale < float("inf"):
            raise ModelError(
                f"{path}: one step of the model's {side} is worth {tensor.scale}, which is no "
                "number to compute with; make the model again"
            )


def load_pack(manifest_path: Path) -> Pack:
    """Reads a pack by its manifest and checks it as far as can be done without running it.

    Raises ModelError when a file is missing or unreadable, the manifest is not valid, the hash
    differs, or labels and label map disagree.
    """
    try:
        manifest = msgspec.json.decode(manifest_path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ModelError(f"{manifest_path}: cannot read the manifest ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{manifest_path}: not a valid manifest ({error}); "
            "if another version made it, make the pack again with this one"
        ) from error
    if set(manifest.labels) != set(manifest.label_map):
        odd = sorted(set(manifest.labels) ^ set(manifest.label_map))
        raise ModelError(f"{manifest_path}: labels and label_map disagree on {', '.join(odd)}")
    _check_input(manifest, manifest_path)
    if Path(manifest.file).name != manifest.file:
        raise ModelError(f"{manifest_path}: file {manifest.file!r} must be a name, without folder")
    path = manifest_path.with_name(manifest.file)
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


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Writes a manifest as indented JSON, replacing `path` in one step."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    draft = path.with_suffix(".json.part")
    draft.write_bytes(text + b"\n")
    draft.replace(path)
