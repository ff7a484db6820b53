"""The manifest of a model pack: NAME.json describes NAME.tflite."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.emotions import Emotion
from edge.perception.check_sample import CheckSample
from edge.values import MadeBy

Modality = Literal["face", "speech", "text"]
Coefficients = Literal["log_mel", "mfcc"]
"""Coefficients of a frame of sound: logarithms of mel-band energies, or their cepstrum."""
PositiveInt = Annotated[int, Meta(gt=0)]


class ImageInput(msgspec.Struct, frozen=True, tag="image", tag_field="kind"):
    """A picture: `shape` is height, width, channels."""

    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    colour: Literal["grey", "rgb", "bgr"]
    normalization: Literal["standardized", "unit", "signed_unit", "affine"]
    """Zero mean and unit deviation per picture; 0..1; -1..1; or by `mean` and `deviation`."""
    mean: tuple[float, ...] = ()
    """For affine values: taken off each channel, in grey levels of 0..255."""
    deviation: tuple[Annotated[float, Meta(gt=0)], ...] = ()
    """For affine values: the grey levels that one unit of each channel stands for."""


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
    """Mean of each coefficient over the training data, after removal of the level."""
    deviation: tuple[Annotated[float, Meta(gt=0)], ...]
    removes_colour: bool = False
    """True if each coefficient has its mean over the window taken off, not that over the data.

    It holds the colour that microphone and room give to a voice, and that of the voice itself.
    """
    level: Literal["removed", "kept"] = "removed"
    """Removed: a quiet voice gives the same as a loud one. Models from elsewhere may know both."""
    taper: Literal["hamming", "hann"] = "hamming"
    """The shape of the analysis window."""
    mel_scale: Literal["htk_bins", "htk", "slaney"] = "htk_bins"
    """The scale of the mel bands; their edges are rounded to bins of the spectrum, or exact."""

    @property
    def window_samples(self) -> int:
        """Length of a frame in samples."""
        return round(self.window_s * self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        """Samples from the start of a frame to the start of the next one."""
        return round(self.hop_s * self.sample_rate_hz)

    @property
    def duration_s(self) -> float:
        """Length of the sound that fills every frame of `shape`."""
        return self.window_s + (self.shape[0] - 1) * self.hop_s


class Pieces(msgspec.Struct, frozen=True):
    """Word pieces of a text, for a transformer: the second input of a text model."""

    vocabulary: tuple[str, ...]
    """Pieces by their ids, see `edge.perception.wordpieces`."""
    length: Annotated[int, Meta(ge=8, le=512)]
    """Pieces that the model takes at once, with its marks of start and end."""
    overlap: Annotated[int, Meta(ge=0)]
    """Pieces that two windows of a longer text share."""


class TextInput(msgspec.Struct, frozen=True, tag="text", tag_field="kind"):
    """Hashed n-gram counts of a text; `shape` is the number of hash buckets."""

    shape: tuple[PositiveInt]
    tokens: Literal["unicode-3"]
    """Version of the splitting and hashing in `edge.perception.ngrams`."""
    word_ngrams: tuple[PositiveInt, PositiveInt]
    """Shortest and longest run of words."""
    character_ngrams: tuple[PositiveInt, PositiveInt]
    """Shortest and longest run of characters within a word."""
    max_characters: Annotated[int, Meta(gt=0, le=4096)]
    """Characters that are read; the rest is ignored. Python parses at most 4,300 digits."""
    pieces: Pieces | None = None
    """The word pieces that the model reads as well; None for n-grams alone."""


InputSpec = ImageInput | SoundInput | TextInput

INPUTS: dict[str, type[InputSpec]] = {
    "face": ImageInput,
    "detector": ImageInput,
    "speech": SoundInput,
    "text": TextInput,
}
"""Type of input for the model of each modality."""
CHANNELS = {"grey": 1, "rgb": 3, "bgr": 3}


class Metric(msgspec.Struct, frozen=True):
    """One measured figure; `of` names the form of the model that was measured."""

    dataset: str
    split: str
    metric: str
    value: float
    n: int
    of: Literal["int8", "float32"] = "int8"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Description of a pack's model; scale and zero point come from the model itself."""

    name: str
    version: str
    modality: Literal["face", "speech", "text", "detector"]
    file: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    labels: tuple[str, ...]
    label_map: dict[str, Emotion | None]
    second_labels: tuple[str, ...] = ()
    """Labels of a second output, which packs of former releases have and the device ignores."""
    input: InputSpec
    output: Literal["logits", "probabilities"] = "logits"
    """Values that the model answers; probabilities are not softmaxed again."""
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    prior_correction: float = 0.0
    """In packs of former releases: the share of rare labels' log prior taken out of the logits."""
    log_prior: tuple[float, ...] = ()
    """Added to the logits, which say nothing about how frequent a label is; empty for nothing."""
    familiarity: tuple[float, float] | None = None
    """Standard deviations of the logits of a sample, which grow with what the model recognizes.

    At the first or below it, a sample is unlike any that the model knows; from the second on it is
    ordinary. They are the 1st and the 10th percentile of held-back data.
    """
    thresholds: dict[str, dict[str, float]] = {}
    """For multi-label models: the probability from which each label counts as present.

    Annotators are more or less generous with labels, so each data set has its own thresholds.
    """
    metrics: tuple[Metric, ...] = ()
    checks: tuple[CheckSample, ...] = ()
    trained_on: tuple[str, ...] = ()
    licence: str
    origin: str = ""
    """Source of a model that was not trained here."""
    created: str
    """RFC 3339 date."""
    converter_version: str
    made_by: MadeBy | None = None
    """None for a pack that was made by single commands."""


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Writes a manifest as JSON, replacing `path` atomically.

    Each field is on a line of its own, and so is each metric: thousands of word pieces take one.
    """
    fields = {
        key: msgspec.json.encode(one) for key, one in msgspec.structs.asdict(manifest).items()
    }
    metrics = b",\n    ".join(map(msgspec.json.encode, manifest.metrics))
    if metrics:
        fields["metrics"] = b"[\n    " + metrics + b"\n  ]"
    lines = b",\n".join(b'  "%b": %b' % (key.encode(), one) for key, one in fields.items())
    draft = path.with_suffix(".json.part")
    draft.write_bytes(b"{\n" + lines + b"\n}\n")
    draft.replace(path)
