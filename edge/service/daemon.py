"""The daemon: wires capture, perception, fusion, tracking and publishing together."""

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.capture.camera import VideoSource
from edge.capture.microphone import open_microphone
from edge.capture.newest import Newest
from edge.capture.reader import Reader
from edge.capture.text import parse_text
from edge.clock import Clock
from edge.config import Config
from edge.errors import ModelError, PayloadError
from edge.events import Composer, ModelInfo
from edge.fusion import FusionModel, load_fusion
from edge.observation import AudioBlock, Frame, Observation, Sighting, TextMessage
from edge.perception.pack import Manifest, Modality
from edge.publish.announcer import Announcer
from edge.publish.mqtt import Publisher
from edge.service.models import ModelShelf
from edge.service.watchdog import Watchdog
from edge.service.worker import Worker
from edge.tracking import Tracker

logger = logging.getLogger(__name__)

TICK_S = 0.1
"""The longest wait of the main loop: how soon it notices that time has passed."""
QUEUED_OBSERVATIONS = 256
QUEUED_AUDIO_BLOCKS = 40
QUEUED_TEXTS = 64
JOIN_TIMEOUT_S = 0.2
"""For all threads together; one that a device holds up longer is left behind."""


class Daemon:
    """Runs one device until `stop` is set.

    A modality whose model or device fails is reported as degraded; the others go on. Raises
    ConfigError where the configuration names a file that cannot be used.
    """

    def __init__(self, config: Config, stop: threading.Event, clock: Clock | None = None) -> None:
        self._config, self._stop = config, stop
        self._clock = clock or Clock()
        self._observations: queue.Queue[Observation | Sighting] = queue.Queue(QUEUED_OBSERVATIONS)
        self._texts: Newest[TextMessage] = Newest(QUEUED_TEXTS)
        self._statuses: dict[str, str] = {}
        self._models: dict[str, ModelInfo] = {}
        self._publisher = Publisher(
            config.mqtt, self._receive_text if config.text.enabled else None
        )
        self._composer = Composer(f"{config.mqtt.prefix}/{config.mqtt.device}", self._clock)
        self._shelf = ModelShelf(config.models)
        self._tracker = Tracker(
            config.tracking, config.fusion, self._fusion_model(), self._clock.now_s()
        )
        self._announcer = Announcer(self._composer, self._publisher, config.mqtt)

    def run(self) -> None:
        """Starts every thread, then fuses, tracks and publishes until told to stop."""
        watchdog = Watchdog(self._clock)
        threads: list[threading.Thread] = []
        self._publisher.start()
        try:
            threads += self._start_modalities()
            watchdog.ready()
            while not self._stop.is_set():
                self._step()
                watchdog.alive()
        finally:
            watchdog.stopping()
            self._finish(threads)

    def _start_modalities(self) -> list[threading.Thread]:
        builders: dict[Modality, tuple[bool, Callable[[], list[threading.Thread]]]] = {
            "face": (self._config.camera.enabled, self._face_threads),
            "speech": (self._config.microphone.enabled, self._speech_threads),
            "text": (self._config.text.enabled, self._text_threads),
        }
        threads: list[threading.Thread] = []
        for modality, (enabled, build) in builders.items():
            threads += self._try_modality(modality, build) if enabled else self._off(modality)
        modalities: list[str] = [name for name, (wanted, _) in builders.items() if wanted]
        self._publisher.publish_info(self._composer.info(self._models, modalities))
        for thread in threads:
            thread.start()
        return threads

    def _finish(self, threads: list[threading.Thread]) -> None:
        self._stop.set()
        now_s = self._clock.now_s()
        self._announcer.announce(self._tracker.finish(now_s), self._tracker.state, now_s)
        self._publisher.stop()
        deadline_s = self._clock.now_s() + JOIN_TIMEOUT_S
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(deadline_s - self._clock.now_s(), 0))

    def _step(self) -> None:
        try:
            item = self._observations.get(timeout=TICK_S)
        except queue.Empty:
            item = None
        now_s = self._clock.now_s()
        changes = self._tracker.observe(item, now_s) if item is not None else []
        told = item.primary if isinstance(item, Sighting) else item
        if told is not None and self._tracker.refusal(told) is None:
            self._announcer.announce_modality(told, now_s)
        changes += self._tracker.pass_time(now_s)
        self._announcer.announce(changes, self._tracker.state, now_s)

    def _fusion_model(self) -> FusionModel:
        try:
            return load_fusion(Path(self._config.models.folder) / self._config.fusion.file)
        except ModelError as error:
            logger.error("%s; every modality counts the same", error)
            return FusionModel()

    def _try_modality(
        self, modality: Modality, build: Callable[[], list[threading.Thread]]
    ) -> list[threading.Thread]:
        try:
            return build()
        except ModelError as error:
            self._report(modality, f"degraded: {error}")
            return []

    def _note(self, manifest: Manifest) -> None:
        info = ModelInfo(manifest.name, manifest.version, manifest.sha256)
        self._models[manifest.modality] = info

    def _off(self, modality: Modality) -> list[threading.Thread]:
        self._report(modality, "off")
        return []

    def _face_threads(self) -> list[threading.Thread]:
        perception, frames = self._shelf.new_face(), Newest[Frame](1)
        self._note(perception.classifier.manifest)

        def perceive(frame: Frame) -> None:
            self._queue(perception.perceive(frame))

        opener = partial(VideoSource, self._config.camera, self._clock, self._stop)
        report = partial(self._report, "face")
        retry = self._config.device_retry
        return [
            Reader("camera", opener, frames, report, retry, self._stop),
            Worker("face", frames, perceive, report, self._stop),
        ]

    def _speech_threads(self) -> list[threading.Thread]:
        perception, blocks = self._shelf.new_speech(), Newest[AudioBlock](QUEUED_AUDIO_BLOCKS)
        self._note(perception.classifier.manifest)

        def perceive(block: AudioBlock) -> None:
            for observation in perception.hear(block):
                self._queue(observation)

        opener = partial(open_microphone, self._config.microphone, self._clock, self._stop)
        report = partial(self._report, "speech")
        retry = self._config.device_retry
        return [
            Reader("microphone", opener, blocks, report, retry, self._stop),
            Worker("speech", blocks, perceive, report, self._stop),
        ]

    def _text_threads(self) -> list[threading.Thread]:
        perception = self._shelf.text
        self._note(perception.classifier.manifest)

        def perceive(message: TextMessage) -> None:
            self._queue(perception.read(message))

        report = partial(self._report, "text")
        report("ok")
        return [Worker("text", self._texts, perceive, report, self._stop)]

    def _receive_text(self, payload: bytes) -> None:
        try:
            message = parse_text(payload, self._clock.now_s(), self._config.text.max_bytes)
        except PayloadError as error:
            logger.warning("message to set/text ignored: %s", error)
            return
        self._texts.put(message)

    def _queue(self, item: Observation | Sighting) -> None:
        try:
            self._observations.put_nowait(item)
        except queue.Full:
            logger.warning("the main loop is too slow: an observation was dropped")

    def _report(self, modality: str, status: str) -> None:
        """Publishes and logs a modality's status when it changes."""
        if self._statuses.get(modality) != status:
            self._statuses[modality] = status
            level = logging.WARNING if status.startswith("degraded") else logging.INFO
            logger.log(level, "%s: %s", modality, status)
            self._publisher.publish_modality_status(modality, status)
