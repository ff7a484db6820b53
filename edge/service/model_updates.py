"""Models over the air: the bundle in use, and the command that asks for another."""

import logging
import random
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from edge.clock import Clock
from edge.config import Config
from edge.errors import PayloadError, UpdateError, describe
from edge.perception.loader import ModelLoader
from edge.perception.trial import Trials
from edge.publish.payloads import ModelsData, ModelsState
from edge.updates.choice import choose
from edge.updates.job import Job, Progress
from edge.updates.process import JobProcess
from edge.updates.reasons import sentence, without_paths
from edge.updates.record import Failure, Record
from edge.updates.store import ModelStore
from edge.updates.version import order

logger = logging.getLogger(__name__)

SETTLE_S = 3.0
"""A daemon that runs this long after it was ready keeps its new models."""
RELOAD_S = 60.0
"""Longest time from the switch to the end of the daemon that made it."""
FUSION = "fusion"
"""Stands for the fusion file among the modalities."""
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
        self._retry_s: float | None = None
        choice = choose(self._store, self._settings)
        self._record, self._used = choice.record, choice.version
        self._trial, self._deferred = choice.trial, choice.deferred
        """Versions on trial, whatever others note on the disk: that this daemon loads, and not."""
        self.loader = ModelLoader(config.models, Trials(None), choice.files)
        """Finds the files in use. It loads none: it would keep those of a modality given up."""
        self._plan_retry()
        if self._settings.source or self._record != Record():
            self._tell(self._resting_state)

    def request(self, version: str, sha256: str, retained: bool) -> None:
        """Fetches and installs a bundle, unless it is in use; raises PayloadError.

        A retained request changes nothing for a bundle that was refused for a fault of its own, or
        that is to be tried again later.
        """
        if not self._settings.source:
            raise PayloadError("models.updates.source is not set, so no models are fetched")
        failed = self._record.failure or Failure("", "")
        is_settled = self._retry_s is not None or not failed.passing
        if retained and is_settled and (failed.version, failed.sha256) == (version, sha256):
            return
        if order(version) == order(self._used):
            self._tell(self._resting_state)
            return
        self._begin(version, sha256)

    def judge(self, statuses: Mapping[str, str], untried: Collection[str]) -> None:
        """Notes the status of each modality after loading; may end a trial of new models.

        `untried` has those that lacked time or memory, which says nothing about their models.
        """
        self._ready_s = self._clock.now_s()
        version = self._trial
        faults = {
            name: f"{name} is {status}"
            for name, status in statuses.items()
            if status.startswith("degraded") and self._provides(name)
        }
        if version and faults:
            passing = faults.keys() <= set(untried)
            self._fail(Failure.of(self._record, version, "; ".join(faults.values()), passing))
            self._reload()

    def check(self, now_s: float) -> None:
        """Keeps new models once the daemon has been ready with them, or tries failed ones again."""
        if self._retry_s is not None and now_s >= self._retry_s:
            self._retry_s = None
            self._try_again()
        if not self._trial or self._ready_s is None:
            return
        if now_s - self._ready_s < SETTLE_S:
            return
        try:
            self._record = self._store.confirm(self._trial)
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

    def _begin(self, version: str, sha256: str, attempt: int = 1) -> None:
        """Installs a bundle in a thread and a process of its own; raises PayloadError."""
        job = Job(
            state_folder=str(self._state_folder),
            settings=self._settings,
            address=self._settings.address(version),
            version=version,
            sha256=sha256,
            attempt=attempt,
            wanted=self._config.model_files,
            fusion=self._config.fusion,
        )
        with self._lock:
            if self._stopped.is_set():
                raise PayloadError("the daemon is stopping")
            if self._job is not None or self._trial:
                raise PayloadError("other models are being installed; wait for their result")
            process = JobProcess(job)
            try:
                threading.Thread(target=self._run, args=(process, job), daemon=True).start()
            except RuntimeError as error:
                raise PayloadError("no thread could be started for it") from error
            self._job, self._retry_s = process, None

    def _try_again(self) -> None:
        failed = self._record.failure
        if failed is None:
            return
        try:
            self._begin(failed.version, failed.sha256, failed.attempt + 1)
        except PayloadError as error:
            logger.info("models: version %s is not tried again: %s", failed.version, error)

    def _plan_retry(self) -> None:
        """Notes when to try again what failed; not all devices of a fleet at the same time."""
        failed = self._record.failure
        if failed is None or failed.retry_s is None or not self._settings.source or self._trial:
            return
        wait_s = failed.retry_s * random.uniform(0.5, 1.0)  # noqa: S311 - not for cryptography
        logger.info("models: version %s is tried again in %.0f s", failed.version, wait_s)
        self._retry_s = self._clock.now_s() + wait_s

    def _run(self, process: JobProcess, job: Job) -> None:
        """Waits for a job, in a thread of its own; then starts the daemon again."""
        try:
            if self._deferred:
                self._store.fail(self._deferred, "it could not be tried", passing=True)
                self._deferred = ""
            last = process.run(lambda one: self._tell_step(one, job.version))
        except Exception as error:  # outermost frame of the thread: other jobs must be possible
            is_known = isinstance(error, UpdateError | OSError)
            reason = sentence(error) if is_known else describe(error)
            last = Progress("failed", job.version, reason, passing=True)
        if last.step == "starting":
            self._reload()
            self._stopped.wait(RELOAD_S)
            reason = "the daemon could not start again: its log says why"
            last = Progress("failed", job.version, reason, passing=True)
        with self._lock:  # whoever hears of the failure may ask for others at once
            self._job = None
        if not self._stopped.is_set():
            self._fail(Failure(job.version, last.reason, job.sha256, last.passing, job.attempt))

    def _fail(self, failure: Failure) -> None:
        """Ends an installation or trial, on the disk too if that can be written."""
        logger.error("models: version %s is not installed: %s", failure.version, failure.reason)
        record = self._record
        try:
            record = self._store.fail(failure.version, failure.reason, failure.passing)
        except (UpdateError, OSError) as error:
            logger.warning("models: this cannot be stored: %s", sentence(error))
        stored = record.failure
        if stored is None or (stored.reason, stored.attempt) != (failure.reason, failure.attempt):
            record = record.without_candidate(failure)
        self._record = record
        if failure.version == self._trial:
            self._trial, self._used = "", record.current
        self._tell("failed")
        self._plan_retry()

    def _tell_step(self, progress: Progress, version: str) -> None:
        if progress.step in STATES:
            logger.info("models: %s version %s", progress.step, version)
            self._tell(STATES[progress.step], version)

    def _tell(self, state: ModelsState, wanted: str = "") -> None:
        failed = self._record.failure if state == "failed" else None
        self._publish(
            ModelsData(
                state=state,
                version=self._used,
                previous=self._record.previous,
                wanted=failed.version if failed else wanted or self._trial,
                reason=without_paths(failed.reason, self._names) if failed else "",
            )
        )

    @property
    def _names(self) -> Mapping[str, str]:
        """What is published in place of the paths of the configuration."""
        return {
            str(self._state_folder): "state_folder",
            self._config.models.folder: "models.folder",
            self._settings.keys: "models.updates.keys",
            self._settings.ca_file: "models.updates.ca_file",
        }

    @property
    def _resting_state(self) -> ModelsState:
        """The state while nothing goes on."""
        if self._trial:
            return "starting"
        if self._record.failure:
            return "failed"
        return "installed" if self._used else "idle"

    def _provides(self, name: str) -> bool:
        """Returns whether a modality, or the fusion, uses a file of the bundle."""
        fusion = [self._config.fusion.file]
        files = fusion if name == FUSION else self._config.models.manifests([name])
        return any(map(self.loader.is_installed, files))
