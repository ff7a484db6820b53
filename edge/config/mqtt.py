"""The section about the broker: `mqtt`."""

import socket
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.section import PositiveSeconds, Seconds, Section, TopicLevel

HostName = Annotated[str, Meta(pattern=r"^[^\s./@]+(\.[^\s./@]+)*$", max_length=253)]
BrokerName = Annotated[
    str, Meta(pattern=r"^([^\s./@:]+(\.[^\s./@:]+)*|\[[0-9a-fA-F:]+\])(:\d{1,5})?$", max_length=260)
]


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
