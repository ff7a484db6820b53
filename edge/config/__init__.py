"""The configuration: a frozen tree with the type and range of every key.

configs/default.yaml has every key with its default, unit and a line of comment.
"""

from typing import Annotated, Literal

from msgspec import Meta

from edge.config.decisions import Fusion, RestingFace, Tracking
from edge.config.devices import WHOLE, Camera, Files, Microphone
from edge.config.models import Delegate, Face, Load, Models, Speech, TextModel
from edge.config.mqtt import Backoff, HomeAssistant, Mqtt, SpoolLimits, Tls
from edge.config.texts import Texts, TranscriptTopic
from edge.config.updates import Updates
from edge.section import Section

__all__ = [
    "WHOLE",
    "Backoff",
    "Camera",
    "Config",
    "Delegate",
    "Face",
    "Files",
    "Fusion",
    "HomeAssistant",
    "Load",
    "Log",
    "Microphone",
    "Models",
    "Mqtt",
    "RestingFace",
    "Speech",
    "SpoolLimits",
    "TextModel",
    "Texts",
    "Tls",
    "Tracking",
    "TranscriptTopic",
    "Updates",
]

Period = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]


class Log(Section, frozen=True):
    """The log; `emotiond run --log` chooses its form."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section, frozen=True):
    """The whole configuration of the daemon."""

    camera: Camera = Camera()
    microphone: Microphone = Microphone()
    text: Texts = Texts()
    files: Files = Files()
    models: Models = Models()
    load: Load = Load()
    fusion: Fusion = Fusion()
    tracking: Tracking = Tracking()
    mqtt: Mqtt = Mqtt()
    quiet_hours: tuple[Period, ...] = ()
    """Local times between which nothing is captured, such as `22:00-06:30`."""
    log: Log = Log()
    device_retry: Backoff = Backoff(shortest_s=0.5, longest_s=2.0)
    state_folder: str = ""
    """Folder of the spool and the pause; see `edge.resources.state_folder`."""

    @property
    def enabled_modalities(self) -> list[str]:
        """The modalities that are switched on."""
        switches = {
            "face": self.camera.enabled,
            "speech": self.microphone.enabled,
            "text": self.text.enabled,
        }
        return [modality for modality, enabled in switches.items() if enabled]

    @property
    def model_files(self) -> tuple[str, ...]:
        """The names of the manifests and of the fusion file that the daemon uses."""
        return (*self.models.manifests(self.enabled_modalities), self.fusion.file)
