"""Threads of face, speech and text: each reads its device, or its queue, and infers."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import cv2

from edge.capture.camera import open_camera
from edge.capture.control import Pace, RunControl
from edge.capture.drop_oldest import DropOldestQueue
from edge.capture.microphone import open_microphone
from edge.capture.reader import Reader
from edge.capture.retry import Retry
from edge.capture.sources import is_sound_file, is_video_file
from edge.capture.supervisor import Supervisor
from edge.clock import Clock
from edge.config import Config
from edge.errors import ModelError, PayloadError, UntriedModelError
from edge.installed import InstalledFiles
from edge.perception.loader import ModelLoader
from edge.perception.manifest import Manifest, Modality
from edge.perception.trial import Trials
from edge.publish.payloads import ModelInfo
from edge.service.meter import Meter
from edge.service.worker import Worker
from edge.values import MODALITIES, AudioBlock, Frame, Observation, Sighting, TextMessage

MAX_QUEUED_AUDIO_BLOCKS = 20
MAX_QUEUED_TEXTS = 64


class Modalities:
    """Builds and runs the modalities that the configuration enables.

    `emit` is called with every observation, and `report` with a modality and its status whenever
    that may have changed. A modality whose model or device fails is reported as degraded; the
    others continue; `trials` keep a model from ending the process. Devices are open only while
    `control.running` is set; each modality has a stop of its own.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        emit: Callable[[Observation | Sighting], None],
        report: Callable[[str, str], None],
        pace: Pace,
        control: RunControl,
        trials: Trials,
    ) -> None:
        self._config, self._clock = config, clock
        self._emit, self._report = emit, report
        self._pace, self._control, self._trials = pace, control, trials
        self._stops: dict[str, threading.Event] = {name: threading.Event() for name in MODALITIES}
        self._runners: dict[str, list[Reader[Any] | Supervisor | Worker[Any]]] = {}
        self._texts: DropOldestQueue[TextMessage] = DropOldestQueue(MAX_QUEUED_TEXTS)
        self.queues: dict[str, DropOldestQueue[Any]] = {}
        self.meters: dict[str, Meter] = {}
        self.models: dict[str, ModelInfo] = {}
        """Loaded models by modality."""
        self.untried: set[str] = set()
        """Modalities whose models could not be tried, through no fault of theirs."""
        self._builders: dict[Modality, Callable[[ModelLoader], None]] = {
            "face": self._face,
            "speech": self._speech,
            "text": self._text,
        }
        self.enabled = config.enabled_modalities
        self._text_status = "off"

    @property
    def running(self) -> list[str]:
        """The modalities whose model runs."""
        return list(self._runners)

    @property
    def _all_runners(self) -> Iterator[Reader[Any] | Supervisor | Worker[Any]]:
        return chain.from_iterable(self._runners.values())

    @property
    def last_progress_s(self) -> dict[str, float]:
        """By modality, time of its last progress; waiting for a sample counts as such."""
        return {
            one.name: one.last_progress_s for one in self._all_runners if isinstance(one, Worker)
        }

    def load(self, progress: Callable[[], None], installed: InstalledFiles | None = None) -> None:
        """Loads the models and calls `progress` after each; all together may take minutes.

        `installed` has the files of the installed bundle of models, if there is one.
        """
        # To wake OpenCV's own threads costs more than what they do to such small pictures.
        cv2.setNumThreads(self._config.models.threads)
        loader = ModelLoader(self._config.models, self._trials, installed)
        with contextlib.suppress(ModelError):  # raised again for the modality that it is
            names = [one for one in self._builders if one in self.enabled]
            self._trials.check([path for one in names for path in loader.manifests(one)])
        progress()
        for modality, build in self._builders.items():
            if modality not in self.enabled:
                self._set_status(modality, "off")
                continue
            try:
                build(loader)
            except ModelError as error:
                if isinstance(error, UntriedModelError):
                    self.untried.add(modality)
                self._set_status(modality, f"degraded: {error}")
            progress()

    def start(self) -> None:
        """Starts reading and inferring."""
        for runner in self._all_runners:
            runner.start()

    def take_text(self, message: TextMessage) -> None:
        """Takes a text to read; raises PayloadError if no model reads texts here."""
        if "text" not in self.models:
            raise PayloadError("this device does not read texts: see text/status")
        self._texts.put(message)

    def check(self) -> None:
        """Checks for devices that do not answer; call it several times a second."""
        for runner in self._all_runners:
            if isinstance(runner, Supervisor):
                runner.check(self._clock.now_s())

    def report_text(self) -> None:
        """Reports text again when a pause starts or ends, as readers do for their devices."""
        paused = not self._control.running.is_set()
        self._report("text", "off" if paused else self._text_status)

    def give_up(self, modality: str, reason: str) -> None:
        """Ends one modality, and frees its memory once its threads have ended."""
        self._stop(modality)
        for what in (self._runners, self.queues, self.meters, self.models):
            what.pop(modality, None)
        status = f"degraded: {reason}"
        if modality == "text":
            self._text_status = status
        self._report(modality, status)

    def stop(self) -> None:
        """Lets all threads end."""
        for modality in self._stops:
            self._stop(modality)

    def _stop(self, modality: str) -> None:
        self._stops[modality].set()
        if (queue := self.queues.get(modality)) is not None:
            queue.close()

    def join(self, timeout_s: float) -> None:
        """Waits for all threads together; abandons one that a device holds up for longer."""
        deadline_s = self._clock.now_s() + timeout_s
        for runner in self._all_runners:
            if runner.ident is not None:
                runner.join(max(deadline_s - self._clock.now_s(), 0))

    def _face(self, loader: ModelLoader) -> None:
        perception, frames = loader.new_face(), DropOldestQueue[Frame](1)
        self._note(perception.classifier.manifest)

        def perceive(frame: Frame) -> None:
            perception.tracker.detect_every = self._pace.detect_every
            self._emit(perception.perceive(frame))

        settings = self._config.camera
        control = self._control_of("face")
        opener = partial(
            open_camera, settings, self._clock, control, self._pace, limits=self._config.files
        )
        self._read("face", "camera", opener, frames, is_video_file(settings.source))
        self._infer("face", frames, perceive)

    def _speech(self, loader: ModelLoader) -> None:
        perception, blocks = (
            loader.new_speech(),
            DropOldestQueue[AudioBlock](MAX_QUEUED_AUDIO_BLOCKS),
        )
        self._note(perception.classifier.manifest)

        def perceive(block: AudioBlock) -> None:
            for observation in perception.perceive(block):
                self._emit(observation)

        settings = self._config.microphone
        control = self._control_of("speech")
        opener = partial(open_microphone, settings, self._clock, control, self._config.files)
        self._read("speech", "microphone", opener, blocks, is_sound_file(settings.source))
        self._infer("speech", blocks, perceive)

    def _text(self, loader: ModelLoader) -> None:
        perception = loader.text
        self._note(perception.classifier.manifest)

        def perceive(message: TextMessage) -> None:
            self._emit(perception.perceive(message))

        self._set_status("text", "ok")
        self._infer("text", self._texts, perceive)

    def _read(
        self,
        modality: str,
        name: str,
        opener: Callable[[], Any],
        sink: DropOldestQueue[Any],
        file: bool,
    ) -> None:
        """Reads a device under supervision; a file, which may take long to open, without."""
        report, waits = partial(self._set_status, modality), self._config.device_retry
        control = self._control_of(modality)

        def new_reader() -> Reader[Any]:
            return Reader(name, opener, sink, report, Retry(waits), self._clock, control)

        reader = new_reader() if file else Supervisor(new_reader, self._clock.now_s())
        self._runners.setdefault(modality, []).append(reader)

    def _infer(
        self, modality: str, source: DropOldestQueue[Any], perceive: Callable[[Any], None]
    ) -> None:
        self.queues[modality], meter = source, Meter()
        self.meters[modality] = meter
        report = partial(self._set_status, modality)
        stop = self._stops[modality]
        worker = Worker(modality, source, perceive, report, meter, self._clock, stop)
        self._runners.setdefault(modality, []).append(worker)

    def _control_of(self, modality: str) -> RunControl:
        return RunControl(self._control.running, self._stops[modality])

    def _set_status(self, modality: str, status: str) -> None:
        """Reports a status; text, which has no device to close, is not `ok` during a pause."""
        if self._stops[modality].is_set():
            return
        if modality == "text":
            self._text_status = status
            if status == "ok" and not self._control.running.is_set():
                status = "off"
        self._report(modality, status)

    def _note(self, manifest: Manifest) -> None:
        info = ModelInfo(manifest.name, manifest.version, manifest.sha256)
        self.models[manifest.modality] = info
