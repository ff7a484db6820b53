"""The sections about what runs: `models` and `load`."""

from collections.abc import Collection
from typing import Annotated, Literal

from msgspec import Meta

from edge.config.updates import Updates
from edge.resources import MODELS
from edge.section import Seconds, Section, Share, Text


class Face(Section, frozen=True):
    """The face model."""

    model: Text = "face.json"
    detector: Literal["short", "full"] = "short"
    """`short`: faces up to about two metres away; `full`: further, at three times the cost."""
    min_detection_score: Annotated[float, Meta(gt=0, lt=1)] = 0.6
    min_face_px: Annotated[int, Meta(ge=0, le=4320)] = 0
    """Narrower faces are ignored, such as those of people who pass in the distance."""
    detect_every: Annotated[int, Meta(ge=1, le=60)] = 1
    """Frames from one detection to the next; faces are tracked between them."""
    rest_interval_s: Annotated[float, Meta(ge=0, le=10)] = 1.0
    """Time between detections while nobody is there and nothing moves; 0 never rests."""
    max_faces: Annotated[int, Meta(ge=1, le=64)] = 8
    keep_subject_s: Seconds = 2.0

    @property
    def detector_model(self) -> str:
        """Name of the detector's manifest."""
        return f"detector-{self.detector}.json"


class Speech(Section, frozen=True):
    """The speech model."""

    model: Text = "speech.json"
    min_voice_probability: Share = 0.5
    min_voice_s: Annotated[float, Meta(ge=0.1, le=2.5)] = 0.5


class TextModel(Section, frozen=True):
    """The text model."""

    model: Text = "text.json"


class Delegate(Section, frozen=True):
    """A LiteRT delegate, which runs models on an Edge TPU, GPU or NPU."""

    path: str = ""
    """Name or path of its library; empty for the processor, with XNNPACK."""
    options: dict[str, str | int | float] = {}
    """What the library understands."""
    required: bool = False
    """True to give a modality up whose model it refuses, False to run that on the processor."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if not self.path and (self.options or self.required):
            raise ValueError("path is missing, but other keys of delegate are set")


class Models(Section, frozen=True):
    """The model packs."""

    folder: Text = str(MODELS)
    threads: Annotated[int, Meta(ge=1, le=16)] = 1
    face: Face = Face()
    speech: Speech = Speech()
    text: TextModel = TextModel()
    delegate: Delegate = Delegate()
    updates: Updates = Updates()

    def manifests(self, modalities: Collection[str]) -> list[str]:
        """Returns the names of the manifests of all packs that these modalities need."""
        names = {
            "face": [self.face.detector_model, self.face.model],
            "speech": [self.speech.model],
            "text": [self.text.model],
        }
        return [name for one in names if one in modalities for name in names[one]]


class Load(Section, frozen=True):
    """Limits on the device's load, above which the daemon detects and reads faces less often."""

    max_cpu_percent: Annotated[float, Meta(gt=0, le=6400)] = 100.0
    """Percent of one core."""
    max_temperature_c: Annotated[float, Meta(ge=30, le=120)] = 80.0
    max_memory_mb: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    """Above it modalities are given up; 0 is 85 % of what systemd or a container allows."""
