"""Models over the air: the bundle in use, and the command that asks for another."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from edge.clock import Clock
from edge.config import Config
from edge.errors import PayloadError, UpdateError, describe
from edge.perception.loader import ModelLoader
from edge.perception.trial import Trials
from edge.publish.payloads import ModelsData, ModelsState
from edge.updates.job import Job, Progress
from edge.updates.process import JobProcess
from edge.updates.store import Failure, ModelStore, Record, sentence

logger = logging.getLogger(__name__)

SETTLE_S = 3.0
"""A daemon that runs this long after it was ready keeps its new models."""
RELOAD_S = 60.0
"""Longest time from the switch to the end of the daemon that made it."""
STATES: Mapping[str, ModelsState] = {
    "fetching": "fetching",
    "checking": "checking",
    "starting": "starting",
}


class ModelUpdates:
    """The bundle that one daemon uses, from its start to its end.

    `publish` gets the data of every `models` message; `reload` makes another daemon take over.
    A bundle is used only if a trusted key signed it and it is undamaged, which is checked at every
    start; else the models are those of `models.folder`.
    """

    def __init__(
        self,
        config: Config,
        state_folder: Path,
        clock: Clock,
        publish: Callable[[ModelsData], None],
        reload: Callable[[], None],
    ) -> None:
        self._config, self._settings, self._clock = config, config.models.updates, clock
        self._state_folder = state_folder
        self._publish, self._reload = publish, reload
        self._store = ModelStore(state_folder)
        self._lock = threading.Lock()
        self._job: JobProcess | None = None
        self._stopped = threading.Event()
        self._ready_s: float | None = None
        try:
            self._record = self._chosen()
        except (UpdateError, OSError) as error:
            self._record = Record(failure=Failure("", sentence(error)))
            logger.error("the installed models are not used: %s", sentence(error))
        self._trial = self._record.candidate
        """The version on trial that this daemon loads, whatever others note on the disk."""
        version = self._record.in_use
        installed = self._store.bundle(version) if version else None
        self.loader = ModelLoader(config.models, Trials(None), installed)
        """Finds the files in use. It loads none: it would keep those of a modality given up."""
        if self._settings.source or self._record != Record():
            self._tell(self._resting_state)

    def request(self, version: str, sha256: str, retained: bool) -> None:
        """Fetches and installs a bundle, unless it is in use; raises PayloadError.

        A retained request for a bundle that was refused for a fault of its own changes nothing.
        """
        if not self._settings.source:
            raise PayloadError("models.updates.source is not set, so no models are fetched")
        failed = self._record.failure
        if retained and failed and (failed.version, failed.sha256) == (version, sha256):
            return
        if version == self._record.in_use:
            self._tell(self._resting_state)
            return
        with self._lock:
            if self._stopped.is_set():
                raise PayloadError("the daemon is stopping")
            if self._job is not None or self._record.candidate:
                raise PayloadError("other models are being installed; wait for their result")
            self._job = self._new_job(version, sha256)
        threading.Thread(target=self._run, args=(self._job, version), daemon=True).start()

    def judge(self, statuses: Mapping[str, str]) -> None:
        """Notes the status of each modality after loading; may end a trial of new models."""
        self._ready_s = self._clock.now_s()
        version = self._trial
        faults = [
            f"{name} is {status}"
            for name, status in statuses.items()
            if status.startswith("degraded") and self._provides(name)
        ]
        if version and faults:
            self._fail(version, "; ".join(faults))
            self._reload()

    def check(self, now_s: float) -> None:
        """Ends the trial of new models once the daemon has been ready with them for a while."""
        if not self._trial or self._ready_s is None:
            return
        if now_s - self._ready_s < SETTLE_S:
            return
        try:
            self._store.confirm(self._trial)
            self._record = self._store.record
        except (UpdateError, OSError) as error:  # as on a full disk; they stay on trial
            logger.warning("the new models cannot be kept yet: %s", sentence(error))
            self._ready_s = now_s + RELOAD_S
            return
        trial, self._trial = self._trial, ""
        if self._record.current == trial:  # unless it was rolled back meanwhile
            logger.info("models: version %s is installed", trial)
            self._tell("installed")

    def stop(self) -> None:
        """Ends what is going on; what was not finished changes nothing."""
        self._stopped.set()
        with self._lock:
            if self._job is not None:
                self._job.stop()

    def _chosen(self) -> Record:
        """Returns what to use, after a check of its signature and files."""
        record = self._start()
        while record.in_use:
            job = Job(state_folder=str(self._state_folder), settings=self._settings, install=False)
            last = JobProcess(job).run(lambda _: None)
            if last.step == "verified":
                break
            logger.error("models: version %s is not used: %s", record.in_use, last.reason)
            if not record.candidate:
                return Record(failure=Failure(record.current, last.reason))
            self._store.fail(record.candidate, last.reason)
            record = self._store.record
        return record

    def _start(self) -> Record:
        """Counts this start; if no disk can store that, what is in use stays so without a trial."""
        try:
            return self._store.start()
        except OSError as error:
            record = self._store.record
            if record.candidate:
                raise
            logger.warning("models: this start is not counted: %s", sentence(error))
            return record

    def _new_job(self, version: str, sha256: str) -> JobProcess:
        return JobProcess(
            Job(
                state_folder=str(self._state_folder),
                settings=self._settings,
                address=self._settings.address(version),
                version=version,
                sha256=sha256,
                wanted=self._config.model_files,
            )
        )

    def _run(self, job: JobProcess, version: str) -> None:
        """Waits for a job, in a thread of its own; then starts the daemon again."""
        try:
            last = job.run(lambda one: self._tell_step(one, version))
        except Exception as error:  # outermost frame of the thread: other jobs must be possible
            reason = str(error) if isinstance(error, UpdateError) else describe(error)
            last = Progress("failed", version, reason)
        if not self._stopped.is_set():
            self._finish(last, version)
        with self._lock:
            self._job = None

    def _finish(self, last: Progress, version: str) -> None:
        if last.step != "starting":
            self._fail(version, last.reason)
            return
        self._reload()
        if not self._stopped.wait(RELOAD_S):
            self._fail(version, "the daemon could not start again: its log says why")

    def _fail(self, version: str, reason: str) -> None:
        logger.error("models: version %s is not installed: %s", version, reason)
        try:
            record = self._store.record
            if version in (record.installing, record.candidate):
                self._store.fail(version, reason)
                self._trial = "" if version == self._trial else self._trial
            self._record = self._store.record
        except (UpdateError, OSError) as error:
            logger.warning("models: this cannot be stored: %s", sentence(error))
        self._tell("failed", version, reason)

    def _tell_step(self, progress: Progress, version: str) -> None:
        if progress.step in STATES:
            logger.info("models: %s version %s", progress.step, version)
            self._tell(STATES[progress.step], version)

    def _tell(self, state: ModelsState, wanted: str = "", reason: str = "") -> None:
        record = self._record
        if state == "failed" and not reason and record.failure:
            wanted, reason = record.failure.version, record.failure.reason
        used = record.current if state == "failed" else record.in_use
        self._publish(
            ModelsData(
                state=state,
                version=used,
                previous=record.previous,
                wanted=wanted or record.candidate,
                reason=reason,
            )
        )

    @property
    def _resting_state(self) -> ModelsState:
        """The state while nothing goes on."""
        if self._record.candidate:
            return "starting"
        if self._record.failure:
            return "failed"
        return "installed" if self._record.current else "idle"

    def _provides(self, modality: str) -> bool:
        """Returns whether a modality uses a file of the bundle."""
        return any(map(self.loader.is_installed, self._config.models.manifests([modality])))
