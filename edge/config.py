"""The configuration: a frozen tree with the type and range of every key.

configs/default.yaml has every key with its default, unit and a line of comment.
"""

import socket
from collections.abc import Collection
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.config_delegate import Delegate
from edge.config_texts import Texts
from edge.config_updates import Updates
from edge.resources import MODELS
from edge.section import Section

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400)]
Share = Annotated[float, Meta(ge=0, le=1)]
TopicLevel = Annotated[str, Meta(pattern=r"^[^/+#\x00]+$", max_length=128)]
HostName = Annotated[str, Meta(pattern=r"^[^\s./@]+(\.[^\s./@]+)*$", max_length=253)]
BrokerName = Annotated[
    str, Meta(pattern=r"^([^\s./@:]+(\.[^\s./@:]+)*|\[[0-9a-fA-F:]+\])(:\d{1,5})?$", max_length=260)
]
Period = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
Text = Annotated[str, Meta(min_length=1)]


WHOLE = (0.0, 0.0, 1.0, 1.0)


class Camera(Section, frozen=True):
    """The source of pictures."""

    enabled: bool = True
    source: Annotated[int, Meta(ge=0, le=255)] | str = ""
    """Part of a device's name, empty for the first camera; its number or path; or a video file, or
    an http:// or rtsp:// URL, in which `${NAME}` is a variable of the environment."""
    username: str = ""
    """For a URL; in the URL itself, name and password are in clear text."""
    password_file: str = ""
    """Path of a file that holds only the password for a URL."""
    width_px: Annotated[int, Meta(gt=0, le=7680)] = 640
    height_px: Annotated[int, Meta(gt=0, le=4320)] = 480
    fps: Annotated[float, Meta(gt=0, le=120)] = 15.0
    format: Literal["", "mjpg", "yuyv"] = ""
    """Of a USB camera's pictures; compressed ones let two cameras share a bus."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise by which pictures are turned before anything looks at them."""
    mirror: bool = False
    """Swaps left and right, after turning."""
    region: tuple[Share, Share, Share, Share] = WHOLE
    """Left, top, right and bottom of the part that is looked at, shares of the turned picture."""
    loop: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        left, top, right, bottom = self.region
        if left >= right or top >= bottom:
            raise ValueError("region is left, top, right and bottom, and must not be empty")
        if _is_schemeless(str(self.source)):
            raise ValueError("source looks like an address, which starts with rtsp:// or http://")
        if (self.username or self.password_file) and "://" not in str(self.source):
            raise ValueError("username and password_file need an address as source")


class Microphone(Section, frozen=True):
    """The source of sound."""

    enabled: bool = True
    source: str = ""
    """Part of a device's name, empty for the system's default, or the path of a sound file."""
    channel: Annotated[int, Meta(ge=0, lt=64)] | Literal["mix"] = "mix"
    """The number of one channel, the first is 0; or `mix` for all of them."""
    gain: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """Factor of every sample, for a microphone that is too faint."""
    loop: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if "://" in self.source or _is_schemeless(self.source):
            raise ValueError("source cannot be an address; name a microphone or a sound file")


def _is_schemeless(source: str) -> bool:
    """Returns whether a source is an address that lacks its start, and not the path of a file."""
    start = source.partition("://")[0]
    is_path = source.startswith((".", "/")) and not source.startswith("//")
    return "@" in (start if "://" in source else source) and not is_path


class Files(Section, frozen=True):
    """Limits on files, so that none takes the memory of the device."""

    max_picture_mpx: Annotated[float, Meta(gt=0, le=1000)] = 50.0
    max_sound_s: Annotated[float, Meta(gt=0, le=86_400)] = 3600.0


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


class Fusion(Section, frozen=True):
    """Fusion of observations into one belief."""

    strategy: Literal["log_linear", "average", "attention", "feature"] = "log_linear"
    file: Text = "fusion.json"
    outside: tuple[TopicLevel, ...] = ()
    """Modalities besides face, speech and text whose observations count."""
    half_life_s: PositiveSeconds = 1.5
    max_age_s: PositiveSeconds = 5.0


class RestingFace(Section, frozen=True):
    """Removal of what a person's face and voice express at all times, as at rest."""

    enabled: bool = True
    learn_s: PositiveSeconds = 10.0
    memory_s: PositiveSeconds = 3600.0
    max_discount: Annotated[float, Meta(ge=0, le=10)] = 2.0
    """Nepers."""


class Tracking(Section, frozen=True):
    """Tracking of beliefs over time, as states and events."""

    smoothing_s: Seconds = 0.3
    min_confidence: Share = 0.45
    hysteresis: Share = 0.3
    min_dwell_s: Seconds = 0.4
    min_dwell_happy_s: Seconds = 0.2
    update_step: Annotated[float, Meta(gt=0, le=1)] = 0.2
    resting_face: RestingFace = RestingFace()

    def dwell_s(self, emotion: str) -> float:
        """Returns the time that an emotion must lead; happiness is brief and reliable."""
        return self.min_dwell_happy_s if emotion == "happy" else self.min_dwell_s


class Backoff(Section, frozen=True):
    """Wait between attempts, which doubles from the shortest to the longest."""

    shortest_s: PositiveSeconds = 1.0
    longest_s: PositiveSeconds = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if self.longest_s < self.shortest_s:
            raise ValueError(
                f"longest_s {self.longest_s} is less than shortest_s {self.shortest_s}"
            )


class Tls(Section, frozen=True):
    """Encryption of the connection to the broker, and authentication of both ends."""

    enabled: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    psk_identity: str = ""
    psk_file: str = ""
    """Path of a file that holds only the shared key, in hexadecimal digits."""
    insecure: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if bool(self.psk_identity) != bool(self.psk_file):
            raise ValueError(
                "psk_identity and psk_file belong together, but one of them is missing"
            )
        if self.key_file and not self.certificate_file:
            raise ValueError("key_file needs certificate_file, which is missing")
        if self.psk_identity and (self.ca_file or self.certificate_file):
            raise ValueError("set either a shared key (psk_…) or certificates, not both")
        if not self.enabled and any(msgspec.structs.astuple(self)):
            raise ValueError("enabled is false, but other keys of tls are set")


class SpoolLimits(Section, frozen=True):
    """Limits on the events that wait for the broker."""

    max_events: Annotated[int, Meta(ge=1, le=100_000)] = 10_000
    max_bytes: Annotated[int, Meta(ge=10_000, le=1_000_000_000)] = 10_000_000
    max_age_s: Annotated[float, Meta(gt=0, le=31_536_000)] = 604_800.0
    write_interval_s: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    replay_per_s: Annotated[float, Meta(gt=0, le=10_000)] = 100.0


class HomeAssistant(Section, frozen=True):
    """Discovery of the device by Home Assistant."""

    enabled: bool = False
    prefix: TopicLevel = "homeassistant"
    name: str = ""
    replayed: bool = False
    """Fires events and triggers for events of an outage too, when they arrive."""


class Mqtt(Section, frozen=True):
    """The broker and what is published to it."""

    host: HostName = "localhost"
    port: Annotated[int, Meta(ge=1, le=65_535)] = 1883
    hosts: tuple[BrokerName, ...] = ()
    """More brokers, as `name` or `name:port`, that are tried when the others do not answer."""
    client_id: Annotated[str, Meta(max_length=128)] = ""
    """Empty for `emotiond-<device>`."""
    protocol: Literal[5, "3.1.1"] = 5
    prefix: Annotated[str, Meta(pattern=r"^[^+#\x00]*[^/+#\x00]$")] = "emotion"
    device: TopicLevel = socket.gethostname()
    username: str = ""
    password_file: str = ""
    tls: Tls = Tls()
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    session_expiry_s: Annotated[int, Meta(ge=0, le=604_800)] = 60
    heartbeat_s: PositiveSeconds = 10.0
    min_interval_s: Seconds = 1.0
    """Between states with the same emotion, and before an `update` of an episode."""
    health_interval_s: PositiveSeconds = 30.0
    modality_states: bool = False
    modality_interval_s: Seconds = 0.2
    spool: SpoolLimits = SpoolLimits()
    home_assistant: HomeAssistant = HomeAssistant()
    reconnect: Backoff = Backoff(longest_s=120.0)

    @property
    def root(self) -> str:
        """Start of all topics of this device, without a slash at the end."""
        return f"{self.prefix}/{self.device}"


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
