"""Wires the parts together, and starts and stops them."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial

from edge.capture.control import RunControl
from edge.clock import Clock
from edge.config import Config, TranscriptTopic
from edge.errors import ModelError
from edge.fusion.model import FusionModel, load_fusion
from edge.machine import temperature_c
from edge.perception.trial import FILE as TRIED_FILE
from edge.perception.trial import Trials
from edge.publish.announcer import Announcer
from edge.publish.composer import Composer
from edge.publish.entities import Shown
from edge.publish.publisher import Publisher
from edge.publish.unfinished import FILE as EPISODES_FILE
from edge.publish.unfinished import Unfinished
from edge.resources import state_folder
from edge.service.governor import LoadControl
from edge.service.health import Health
from edge.service.memory import MemoryGuard
from edge.service.meter import Meter
from edge.service.modalities import Modalities
from edge.service.model_updates import FUSION, ModelUpdates
from edge.service.mqtt_commands import MqttCommands
from edge.service.pause import Pause
from edge.service.quiet_hours import is_quiet
from edge.service.reasons import Reasons
from edge.service.reports import Reports
from edge.service.watchdog import Watchdog
from edge.throttled_log import ThrottledLog
from edge.tracking.tracker import Tracker
from edge.values import Observation, Sighting

logger = logging.getLogger(__name__)

TICK_S = 0.1
"""Longest wait of the main loop, and so the delay of everything that depends on time."""
MAX_QUEUED_OBSERVATIONS = 256
JOIN_TIMEOUT_S = 0.2
STUCK_S = 10.0
"""A loop without progress for so long is stuck; no stage takes nearly as long."""
STUCK_DISK_S = 60.0
"""The same for the thread that writes to the disk: a worn SD card may stall and recover."""


class Daemon:
    """Runs one device with one configuration until it is told to stop.

    A modality whose model or device fails is reported as degraded; the others continue. `reload`
    makes another daemon take over, with the configuration as it is then. Raises ConfigError when
    the configuration names a file that cannot be used.
    """

    def __init__(
        self, config: Config, watchdog: Watchdog, clock: Clock, reload: Callable[[], None]
    ) -> None:
        self._config, self._watchdog, self._clock = config, watchdog, clock
        self._stop = threading.Event()
        self._join_timeout_s = JOIN_TIMEOUT_S
        self._observations: queue.Queue[Observation | Sighting] = queue.Queue(
            MAX_QUEUED_OBSERVATIONS
        )
        self._dropped_observations = 0
        self._fusion_status = ""
        folder = state_folder(config.state_folder)
        self._pause, self._was_paused = Pause(folder), False
        self._pause.set_quiet(is_quiet(config.quiet_hours, clock))
        self._publisher = Publisher(
            config.mqtt,
            self._receive,
            folder,
            self._clock,
            Shown(config.enabled_modalities, temperature_c() is not None),
            {one.topic: partial(self._receive_transcript, one) for one in config.text.topics}
            if config.text.enabled
            else {},
        )
        self._composer = Composer(config.mqtt.root, self._clock)
        self._reports = Reports(self._composer, self._publisher, Reasons(config, folder))
        self._updates = ModelUpdates(config, folder, clock, self._reports.models, reload)
        self._tracker = Tracker(
            config.tracking,
            config.fusion,
            self._fusion_model(),
            self._clock.now_s(),
            min_interval_s=config.mqtt.min_interval_s,
        )
        self._announcer = Announcer(
            self._composer, self._publisher, config.mqtt, Unfinished(folder / EPISODES_FILE)
        )
        self._load = LoadControl(config)
        self._health, self._fusion_meter = Health(self._clock.now_s()), Meter()
        self._log = ThrottledLog(logger)
        self._modalities = Modalities(
            config,
            clock,
            self._queue,
            self._reports.modality,
            self._load.pace,
            RunControl(self._pause.running),
            Trials(folder / TRIED_FILE),
        )
        self._memory = MemoryGuard(config.load, self._modalities.give_up)
        self._commands: MqttCommands | None = None
        self._checked_s = self._kept_s = self._clock.now_s()

    def run(self) -> None:
        """Starts every thread, then fuses, tracks and publishes until told to stop."""
        modalities = self._modalities
        modalities.load(self._watchdog.alive, self._updates.loader.installed)
        fusion = {FUSION: self._fusion_status} if self._fusion_status else {}
        self._updates.judge(self._reports.statuses | fusion, modalities.untried)
        self._commands = MqttCommands(
            self._config,
            self._clock,
            self._pause,
            modalities.take_text,
            self._queue,
            self._reports.refused,
            self._updates.request,
        )
        self._publisher.publish(self._composer.info(modalities.models, modalities.enabled))
        self._announcer.end_earlier_episodes()
        self._publisher.start()
        try:
            modalities.start()
            self._watchdog.ready()
            while not self._stop.is_set():
                self._step()
                self._keep_house()
        finally:
            self._finish()

    def stop(self, join_timeout_s: float = JOIN_TIMEOUT_S) -> None:
        """Ends `run` soon, with devices closed if they close in time; may be called anywhere."""
        self._join_timeout_s = join_timeout_s
        self._stop.set()

    def copy_pause(self, predecessor: "Daemon") -> None:
        """Takes over the pause of the daemon before, even if no disk could store it."""
        self._pause.switch(predecessor._pause.is_wanted)

    def _finish(self) -> None:
        self._updates.stop()
        self._modalities.stop()
        now_s = self._clock.now_s()
        changes = self._tracker.finish(now_s)
        self._announcer.announce(changes, self._tracker.state, now_s, self._pause.is_on)
        self._announcer.announce_end(self._tracker.state, self._pause.is_on)
        self._publisher.stop()
        self._modalities.join(self._join_timeout_s)

    def _step(self) -> None:
        try:
            item = self._observations.get(timeout=TICK_S)
        except queue.Empty:
            item = None
        now_s, started_s = self._clock.now_s(), time.perf_counter()
        changes = []
        paused = self._pause.is_on
        if paused != self._was_paused:
            self._was_paused = paused
            changes += self._tracker.finish(now_s) if paused else []
            self._modalities.report_text()
        if item is not None and not paused:
            changes += self._tracker.observe(item, now_s)
            primary = item.primary if isinstance(item, Sighting) else item
            if primary is not None and self._tracker.refusal(primary) is None:
                self._announcer.announce_modality(primary, now_s)
        changes += self._tracker.pass_time(now_s)
        self._announcer.announce(changes, self._tracker.state, now_s, paused)
        if item is not None:
            self._fusion_meter.note(time.perf_counter() - started_s)

    def _keep_house(self) -> None:
        """Does what need not be done with each observation, several times a second."""
        now_s = self._clock.now_s()
        if now_s - self._kept_s < TICK_S:
            return
        self._kept_s = now_s
        self._pause.set_quiet(is_quiet(self._config.quiet_hours, self._clock))
        self._modalities.check()
        self._load.control(now_s)
        self._memory.check(now_s, self._modalities.running)
        self._updates.check(now_s)
        self._publish_health()
        self._notify_watchdog()

    def _publish_health(self) -> None:
        now_s, modalities = self._clock.now_s(), self._modalities
        is_due = self._health.is_due(now_s, self._config.mqtt.health_interval_s)
        if not (self._publisher.meets_new_reader() or is_due):
            return
        data = self._health.data(
            now_s,
            modalities.meters | {"fusion": self._fusion_meter},
            {name: source.dropped for name, source in modalities.queues.items()}
            | {"fusion": self._dropped_observations},
            {name: len(source) for name, source in modalities.queues.items()}
            | {"fusion": self._observations.qsize()},
            self._publisher.delivery,
            self._load.data,
        )
        self._publisher.publish(self._composer.health(data))

    def _notify_watchdog(self) -> None:
        """Pings the watchdog if every loop makes progress; a device that hangs does not count."""
        now_s = self._clock.now_s()
        was_suspended = now_s - self._checked_s > STUCK_S / 2  # as were all other threads
        self._checked_s = now_s
        progress_s = self._modalities.last_progress_s
        stuck = [name for name, at_s in progress_s.items() if now_s - at_s > STUCK_S]
        if now_s - self._publisher.last_progress_s > STUCK_DISK_S:
            stuck.append("publishing")
        if was_suspended or not stuck:
            self._watchdog.alive()
            return
        names = " and ".join(stuck)
        self._log.warning(f"stuck {names}", f"no progress for too long: {names}", now_s)

    def _fusion_model(self) -> FusionModel:
        fusion, loader = self._config.fusion, self._updates.loader
        try:
            return load_fusion(
                loader.path(fusion.file), fusion.strategy, loader.sha256(fusion.file)
            )
        except ModelError as error:
            self._fusion_status = f"degraded: {error}"
            logger.error("%s; all modalities count the same", error)
            return FusionModel()

    def _receive(self, name: str, payload: bytes, retained: bool, age_s: float) -> None:
        if self._commands is not None:
            self._commands.receive(name, payload, retained, age_s)

    def _receive_transcript(
        self, source: TranscriptTopic, payload: bytes, retained: bool, age_s: float
    ) -> None:
        if self._commands is not None:
            self._commands.receive_transcript(source, payload, retained, age_s)

    def _queue(self, item: Observation | Sighting) -> None:
        try:
            self._observations.put_nowait(item)
        except queue.Full:
            self._dropped_observations += 1
            self._log.warning(
                "slow", "the main loop is too slow: observations are dropped", self._clock.now_s()
            )
