"""Wires the parts together, and owns their start and end."""

import logging
import queue
import threading
import time
from pathlib import Path

from edge.clock import Clock
from edge.config import Config
from edge.errors import ModelError
from edge.fusion.model import FusionModel, load_fusion
from edge.publish.announcer import Announcer
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.resources import state_folder
from edge.service.governor import LoadControl
from edge.service.health import Health
from edge.service.meter import Meter
from edge.service.modalities import Modalities
from edge.service.mqtt_commands import MqttCommands
from edge.service.pause import Pause
from edge.service.watchdog import Watchdog
from edge.throttled_log import ThrottledLog
from edge.tracking.tracker import Tracker
from edge.values import Observation, Sighting

logger = logging.getLogger(__name__)

TICK_S = 0.1
"""The longest wait of the main loop: how soon it notices that time has passed."""
QUEUED_OBSERVATIONS = 256
JOIN_TIMEOUT_S = 0.2
STUCK_S = 10.0
"""A loop that has not gone round for so long is stuck; no stage takes nearly as long."""
STUCK_DISK_S = 60.0
"""The same for what writes to a disk: a worn SD card may stand still, and comes back."""


class Daemon:
    """Runs one device, as one configuration says, until it is told to stop.

    A modality whose model or device fails is reported as degraded; the others go on. Raises
    ConfigError where the configuration names a file that cannot be used.
    """

    def __init__(self, config: Config, watchdog: Watchdog, clock: Clock) -> None:
        self._config, self._watchdog, self._clock = config, watchdog, clock
        self._stop = threading.Event()
        self._patience_s = JOIN_TIMEOUT_S
        self._observations: queue.Queue[Observation | Sighting] = queue.Queue(QUEUED_OBSERVATIONS)
        self._lost_observations = 0
        self._statuses: dict[str, str] = {}
        self._text_status = "off"
        folder = state_folder(config.state_folder)
        self._pause, self._was_paused = Pause(folder), False
        self._publisher = Publisher(config.mqtt, self._receive, folder, self._clock)
        self._composer = Composer(config.mqtt.root, self._clock)
        self._tracker = Tracker(
            config.tracking, config.fusion, self._fusion_model(), self._clock.now_s()
        )
        self._announcer = Announcer(self._composer, self._publisher, config.mqtt)
        self._load = LoadControl(config)
        self._health, self._fusion_meter = Health(self._clock.now_s()), Meter()
        self._log = ThrottledLog(logger)
        self._commands: MqttCommands | None = None
        self._looked_s = self._clock.now_s()

    def run(self) -> None:
        """Starts every thread, then fuses, tracks and publishes until told to stop."""
        modalities = Modalities(
            self._config,
            self._clock,
            self._queue,
            self._report,
            self._load.pace,
            self._pause.running,
            self._stop,
        )
        modalities.load(self._watchdog.alive)
        self._commands = MqttCommands(
            self._config,
            self._clock,
            self._pause,
            modalities.texts.put if "text" in modalities.models else None,
            self._queue,
            self._answer,
        )
        self._publisher.publish_info(self._composer.info(modalities.models, modalities.enabled))
        self._publisher.start()
        try:
            modalities.start()
            self._watchdog.ready()
            while not self._stop.is_set():
                self._step()
                modalities.check()
                self._load.control(self._clock.now_s())
                self._tell_health(modalities)
                self._tell_watchdog(modalities)
        finally:
            self._finish(modalities)

    def stop(self, patience_s: float = JOIN_TIMEOUT_S) -> None:
        """Has `run` end soon, and devices closed if they close in time; from any thread."""
        self._patience_s = patience_s
        self._stop.set()

    def keep_pause_of(self, before: "Daemon") -> None:
        """Is paused or not as the one before is now, also where no disk remembers it."""
        self._pause.turn(before._pause.is_on)

    def _finish(self, modalities: Modalities) -> None:
        self._stop.set()
        now_s = self._clock.now_s()
        changes = self._tracker.finish(now_s)
        self._announcer.announce(changes, self._tracker.state, now_s, self._pause.is_on)
        self._publisher.stop()
        modalities.join(self._patience_s)

    def _step(self) -> None:
        try:
            item = self._observations.get(timeout=TICK_S)
        except queue.Empty:
            item = None
        now_s, began_s = self._clock.now_s(), time.perf_counter()
        changes = []
        paused = self._pause.is_on
        if paused != self._was_paused:
            self._was_paused = paused
            changes += self._tracker.finish(now_s) if paused else []
            self._pause_text(paused)
        if item is not None and not paused:
            changes += self._tracker.observe(item, now_s)
            told = item.primary if isinstance(item, Sighting) else item
            if told is not None and self._tracker.refusal(told) is None:
                self._announcer.announce_modality(told, now_s)
        changes += self._tracker.pass_time(now_s)
        self._announcer.announce(changes, self._tracker.state, now_s, paused)
        if item is not None:
            self._fusion_meter.note(time.perf_counter() - began_s)

    def _pause_text(self, paused: bool) -> None:
        """What readers of devices do by themselves."""
        if paused:
            self._text_status = self._statuses["text"]
        self._report("text", "off" if paused else self._text_status)

    def _tell_health(self, modalities: Modalities) -> None:
        now_s = self._clock.now_s()
        if not self._health.is_due(now_s, self._config.mqtt.health_interval_s):
            return
        data = self._health.data(
            now_s,
            modalities.meters | {"fusion": self._fusion_meter},
            {name: source.dropped for name, source in modalities.queues.items()}
            | {"fusion": self._lost_observations},
            {name: len(source) for name, source in modalities.queues.items()}
            | {"fusion": self._observations.qsize()},
            self._publisher.delivery,
            self._load.data,
        )
        self._publisher.publish_health(self._composer.health(data))

    def _tell_watchdog(self, modalities: Modalities) -> None:
        """Says that all is alive if every loop is; a device that hangs is another matter."""
        now_s = self._clock.now_s()
        stood_still = now_s - self._looked_s > STUCK_S / 2  # and so did all the others
        self._looked_s = now_s
        since_s = modalities.last_progress_s
        stuck = [name for name, round_s in since_s.items() if now_s - round_s > STUCK_S]
        if now_s - self._publisher.last_progress_s > STUCK_DISK_S:
            stuck.append("publishing")
        if stood_still or not stuck:
            self._watchdog.alive()
            return
        names = " and ".join(stuck)
        self._log.warning(f"stuck {names}", f"no progress for too long: {names}", now_s)

    def _fusion_model(self) -> FusionModel:
        try:
            return load_fusion(Path(self._config.models.folder) / self._config.fusion.file)
        except ModelError as error:
            logger.error("%s; every modality counts the same", error)
            return FusionModel()

    def _answer(self, command: str, reason: str) -> None:
        self._publisher.publish_error(self._composer.error(command, reason))

    def _receive(self, name: str, payload: bytes, retained: bool) -> None:
        if self._commands is not None:
            self._commands.receive(name, payload, retained)

    def _queue(self, item: Observation | Sighting) -> None:
        try:
            self._observations.put_nowait(item)
        except queue.Full:
            self._lost_observations += 1
            self._log.warning(
                "slow", "the main loop is too slow: observations are lost", self._clock.now_s()
            )

    def _report(self, modality: str, status: str) -> None:
        """Publishes and logs a modality's status when it changes."""
        if self._statuses.get(modality) != status:
            self._statuses[modality] = status
            level = logging.WARNING if status.startswith("degraded") else logging.INFO
            logger.log(level, "%s: %s", modality, status)
            self._publisher.publish_modality_status(modality, status)
