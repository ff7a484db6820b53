"""Settings of `emotiond serve`, and the limits on what others may send."""

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from edge.config import Config

MAX_WORKERS = 4


@dataclass(frozen=True)
class Limits:
    """Bounds on requests; what exceeds one is refused with the reason."""

    upload_bytes: int = 50_000_000
    """All parts of one request together."""
    all_uploads_bytes: int = 200_000_000
    """All uploads that are in memory at one time."""
    text_bytes: int = 65_536
    pixels: int = 50_000_000
    """Of a picture, or of one frame of a video."""
    seconds: float = 600.0
    """Length of a sound or video."""
    work_s: float = 120.0
    """Time that one request may compute."""
    upload_s: float = 120.0
    """Time that an upload may take."""
    head_s: float = 10.0
    """Time that a connection may take to send the head of a request."""
    stall_s: float = 20.0
    """Time that an upload or a live page may send nothing, or a listener read nothing."""
    answer_s: float = 5.0
    """Time that the broker may take to accept a pause."""
    workers: int = field(default_factory=lambda: max(min(os.cpu_count() or 1, MAX_WORKERS), 1))
    """Files that are read at once."""
    waiting: int = 8
    """Further requests that may wait; the next one is told to come back later."""
    live: int = 4
    """Pages that may try it live at once."""
    listeners: int = 64
    """Pages that may follow devices at once."""


@dataclass(frozen=True)
class WebSettings:
    """What `emotiond serve` was started with."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    """Demanded from everybody if it is not None."""
    names: tuple[str, ...] = ()
    """Further host names under which the page may be opened."""
    certificate: Path | None = None
    key: Path | None = None
    camera: bool = False
    """Shows the picture of `config.camera`, to aim it."""
    config: Config = field(default_factory=Config)
    limits: Limits = field(default_factory=Limits)

    @property
    def is_local(self) -> bool:
        """True if only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
