"""Chooses the models that a daemon uses from its start to its end."""

import logging
import time
from dataclasses import dataclass

import msgspec

from edge.config import Updates
from edge.errors import UpdateError
from edge.installed import InstalledFiles
from edge.updates.job import Job, Progress
from edge.updates.process import JobProcess
from edge.updates.reasons import sentence
from edge.updates.record import Failure, Record
from edge.updates.store import ModelStore

logger = logging.getLogger(__name__)

CHECKS, CHECK_WAIT_S = 2, 1.0
"""Attempts at a check whose process ends early, as when memory is short, and the wait between.
With two bundles to check they take less than the service's TimeoutStartSec=2min."""


@dataclass(frozen=True)
class Choice:
    """What a daemon uses; without a version, the models of `models.folder`."""

    record: Record
    """What is installed; without a candidate that is not used, and with the last failure."""
    version: str = ""
    """The bundle in use."""
    files: InstalledFiles | None = None
    deferred: str = ""
    """A candidate that stays one on the disk, but cannot be tried by this daemon."""

    @property
    def trial(self) -> str:
        """The version if it is on trial, else empty."""
        return self.version if self.version == self.record.candidate else ""


def choose(store: ModelStore, settings: Updates) -> Choice:
    """Counts a start, and returns the bundle in use after a check of its signature and files."""
    try:
        record, deferred = _started(store)
    except UpdateError as error:
        logger.error("the installed models are not used: %s", error)
        return Choice(Record(failure=Failure("", str(error))))
    if record.candidate:
        last = _check(store, settings, record.candidate)
        if last.step == "verified":
            return _used(store, record, last)
        record = _failed(store, record, last.reason)
    if not record.current:
        return Choice(record, deferred=deferred)
    last = _check(store, settings, record.current)
    if last.step == "verified":
        return _used(store, record, last, deferred)
    logger.error("models: version %s is not used: %s", record.current, last.reason)
    failure = Failure(record.current, last.reason)
    return Choice(msgspec.structs.replace(record, failure=failure), deferred=deferred)


def _started(store: ModelStore) -> tuple[Record, str]:
    """Returns the record after this start, and a candidate whose start no disk can count.

    That one is not tried: if it kept the daemon from getting ready, nothing would end its trial.
    """
    try:
        return store.start(), ""
    except OSError as error:
        record, reason = store.record, sentence(error)
    logger.error("models: this start is not counted: %s", reason)
    if not record.candidate:
        return record, ""
    failure = Failure.of(record, record.candidate, reason, passing=True)
    return record.without_candidate(failure), record.candidate


def _check(store: ModelStore, settings: Updates, version: str) -> Progress:
    job = Job(
        state_folder=str(store.folder.parent), settings=settings, version=version, install=False
    )
    for number in range(CHECKS):
        if number:
            time.sleep(CHECK_WAIT_S)
        try:
            last = JobProcess(job).run(lambda _: None)
        except UpdateError as error:
            last = Progress("failed", version, str(error), passing=True)
        if not last.passing:
            break
    return last


def _used(store: ModelStore, record: Record, last: Progress, deferred: str = "") -> Choice:
    files = InstalledFiles(store.bundle(last.version), last.files)
    return Choice(record, last.version, files, deferred)


def _failed(store: ModelStore, record: Record, reason: str) -> Record:
    """Returns the record without its candidate, on the disk too if that can be written.

    It was whole when it was installed, so it may be fetched again.
    """
    logger.error("models: version %s is not installed: %s", record.candidate, reason)
    try:
        return store.fail(record.candidate, reason, passing=True)
    except (UpdateError, OSError) as error:
        logger.warning("models: this cannot be stored: %s", sentence(error))
        failure = Failure.of(record, record.candidate, reason, passing=True)
        return record.without_candidate(failure)
