"""What the endpoints of one server share."""

import time
from dataclasses import dataclass, field

from edge.web.devices import DeviceBook
from edge.web.hub import Hub
from edge.web.metrics import Metrics
from edge.web.pool import Pool
from edge.web.settings import WebSettings
from edge.web.uploads import Budget


@dataclass
class Server:
    """The parts of a running server."""

    settings: WebSettings
    pool: Pool = field(init=False)
    hub: Hub = field(init=False)
    devices: DeviceBook = field(init=False)
    uploads: Budget = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)
    started_s: float = field(default_factory=time.monotonic)
    live: int = 0
    """Pages that try it live."""
    watching: int = 0
    """Pages that see the camera."""

    def __post_init__(self) -> None:
        """Creates the parts; raises ConfigError when a secret cannot be read."""
        config, limits = self.settings.config, self.settings.limits
        self.pool, self.hub = Pool(config, limits), Hub(limits.listeners)
        self.uploads = Budget(limits.all_uploads_bytes)
        self.devices = DeviceBook(config.mqtt, self.hub.publish)
