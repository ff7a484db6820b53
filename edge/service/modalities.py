"""The threads of face, speech and text: each reads its device, or its queue, and infers."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from edge.capture import microphone
from edge.capture import v4l2 as cameras
from edge.capture.camera import VideoSource
from edge.capture.drop_oldest import DropOldestQueue
from edge.capture.microphone import open_microphone
from edge.capture.pace import Pace
from edge.capture.reader import Reader, Switches
from edge.capture.retry import Retry
from edge.capture.supervisor import Supervisor
from edge.clock import Clock
from edge.config import Config
from edge.errors import ModelError
from edge.perception.loader import ModelLoader
from edge.perception.manifest import Manifest, Modality
from edge.publish.messages import ModelInfo
from edge.service.meter import Meter
from edge.service.worker import Worker
from edge.values import AudioBlock, Frame, Observation, Sighting, TextMessage

QUEUED_AUDIO_BLOCKS = 40
QUEUED_TEXTS = 64


class Modalities:
    """Builds and runs what the configuration enables.

    `hand_on` is given every observation, and `report` the modality and its status whenever that
    may have changed. A modality whose model or device fails is reported as degraded; the others
    go on. Devices are open only while `running` is set.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        hand_on: Callable[[Observation | Sighting], None],
        report: Callable[[str, str], None],
        pace: Pace,
        running: threading.Event,
        stop: threading.Event,
    ) -> None:
        self._config, self._clock = config, clock
        self._hand_on, self._report = hand_on, report
        self._pace, self._switches = pace, Switches(running, stop)
        self._loader = ModelLoader(config.models)
        self._readers: list[Reader[Any]] = []
        self._supervisors: list[Supervisor] = []
        self._workers: list[Worker[Any]] = []
        self.texts: DropOldestQueue[TextMessage] = DropOldestQueue(QUEUED_TEXTS)
        """What `set/text` received."""
        self.queues: dict[str, DropOldestQueue[Any]] = {}
        self.meters: dict[str, Meter] = {}
        self.models: dict[str, ModelInfo] = {}
        """By modality, those that could be loaded."""
        self._builders: dict[Modality, tuple[bool, Callable[[], None]]] = {
            "face": (config.camera.enabled, self._face),
            "speech": (config.microphone.enabled, self._speech),
            "text": (config.text.enabled, self._text),
        }
        self.enabled: list[str] = [name for name, (wanted, _) in self._builders.items() if wanted]

    @property
    def _runners(self) -> list[threading.Thread | Supervisor]:
        return [*self._readers, *self._supervisors, *self._workers]

    @property
    def last_progress_s(self) -> dict[str, float]:
        """By modality, when its inference last made progress, waiting for a sample included."""
        return {worker.name: worker.last_progress_s for worker in self._workers}

    def load(self, progress: Callable[[], None]) -> None:
        """Loads the models, with a call of `progress` after each: all may take minutes."""
        for modality, (wanted, build) in self._builders.items():
            if not wanted:
                self._report(modality, "off")
                continue
            try:
                build()
            except ModelError as error:
                self._report(modality, f"degraded: {error}")
            progress()

    def start(self) -> None:
        """Begins reading and inferring."""
        for runner in self._runners:
            runner.start()

    def check(self) -> None:
        """Notices devices that do not answer; to be called several times a second."""
        for supervisor in self._supervisors:
            supervisor.check(self._clock.now_s())

    def join(self, timeout_s: float) -> None:
        """Waits for all threads together; one that a device holds up longer is left behind."""
        deadline_s = self._clock.now_s() + timeout_s
        for runner in self._runners:
            if runner.ident is not None:
                runner.join(max(deadline_s - self._clock.now_s(), 0))

    def _face(self) -> None:
        perception, frames = self._loader.new_face(), DropOldestQueue[Frame](1)
        self._note(perception.classifier.manifest)

        def perceive(frame: Frame) -> None:
            perception.subjects.detect_every = self._pace.detect_every
            self._hand_on(perception.perceive(frame))

        settings = self._config.camera
        running, stop = self._switches.running, self._switches.stop
        opener = partial(VideoSource, settings, self._clock, stop, self._pace, running=running)
        self._read("face", "camera", opener, frames, cameras.is_file(settings.source))
        self._infer("face", frames, perceive)

    def _speech(self) -> None:
        perception, blocks = (
            self._loader.new_speech(),
            DropOldestQueue[AudioBlock](QUEUED_AUDIO_BLOCKS),
        )
        self._note(perception.classifier.manifest)

        def perceive(block: AudioBlock) -> None:
            for observation in perception.hear(block):
                self._hand_on(observation)

        settings = self._config.microphone
        opener = partial(open_microphone, settings, self._clock, self._switches.stop)
        self._read("speech", "microphone", opener, blocks, microphone.is_file(settings.source))
        self._infer("speech", blocks, perceive)

    def _text(self) -> None:
        perception = self._loader.text
        self._note(perception.classifier.manifest)

        def perceive(message: TextMessage) -> None:
            self._hand_on(perception.read(message))

        self._report("text", "ok")
        self._infer("text", self.texts, perceive)

    def _read(
        self,
        modality: str,
        name: str,
        opener: Callable[[], Any],
        sink: DropOldestQueue[Any],
        file: bool,
    ) -> None:
        """A file may take long to be opened; nothing else may."""
        report, waits = partial(self._report, modality), self._config.device_retry

        def new_reader() -> Reader[Any]:
            return Reader(name, opener, sink, report, Retry(waits), self._clock, self._switches)

        if file:
            self._readers.append(new_reader())
        else:
            self._supervisors.append(Supervisor(new_reader, self._clock.now_s()))

    def _infer(
        self, modality: str, source: DropOldestQueue[Any], perceive: Callable[[Any], None]
    ) -> None:
        self.queues[modality], meter = source, Meter()
        self.meters[modality] = meter
        report = partial(self._report, modality)
        self._workers.append(
            Worker(modality, source, perceive, report, meter, self._clock, self._switches.stop)
        )

    def _note(self, manifest: Manifest) -> None:
        info = ModelInfo(manifest.name, manifest.version, manifest.sha256)
        self.models[manifest.modality] = info
