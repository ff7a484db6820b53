"""The process that fetches, checks and installs bundles, so that none can harm the daemon.

The job is JSON on its standard input; each step is a line of JSON on its standard output, and the
last says how it ended.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge.errors import EmotiondError, ModelError, UntriedModelError, UpdateError, describe
from edge.updates.bundle import Bundle, BundleReader, check_unpacked
from edge.updates.fetch import fetch
from edge.updates.job import Job, Progress
from edge.updates.keys import TrustedKeys
from edge.updates.reasons import sentence
from edge.updates.record import Record
from edge.updates.store import ModelStore
from edge.updates.version import order


def run(job: Job, report: Callable[[Progress], None]) -> None:
    """Does a job; the last report says how it ended."""
    try:
        last = _do(job, ModelStore(Path(job.state_folder)), report)
    except Exception as error:  # outermost frame: whoever waits must hear of it
        last = _failed(job, error)
    report(last)


def _failed(job: Job, error: Exception) -> Progress:
    is_passing = not isinstance(error, _RefusedError)
    known = isinstance(error, EmotiondError | OSError)
    reason = sentence(error) if known else f"it failed with {describe(error)}"
    return Progress("failed", job.version, reason, is_passing)


def _do(job: Job, store: ModelStore, report: Callable[[Progress], None]) -> Progress:
    if not job.install:
        bundle = _verified(job, store, report)
        return Progress("verified", bundle.version, files=bundle.hashes)
    with store.locked():
        store.begin(job.version, job.sha256, job.attempt)
        try:
            return Progress("starting", _install(job, store, report))
        except Exception as error:
            last = _failed(job, error)
            with contextlib.suppress(OSError, UpdateError):  # no space for that either
                store.fail(store.record.installing or "", last.reason, last.passing)
            raise


class _RefusedError(UpdateError):
    """A bundle that will be refused again, by its own fault."""


def _install(job: Job, store: ModelStore, report: Callable[[Progress], None]) -> str:
    keys = TrustedKeys(Path(job.settings.keys))
    if job.version:  # nothing is fetched in vain
        _check_version(job.version, job, store, keys)
    with _opened(job, store.folder, report) as stream:
        report(Progress("checking", job.version))
        try:
            reader = BundleReader(stream, keys)
            _check_version(reader.bundle.version, job, store, keys)
            if not job.version:
                store.name(reader.bundle.version)
            _unpack(reader, job, store.incoming)
        except UntriedModelError:
            raise
        except (UpdateError, ModelError) as error:
            raise _RefusedError(str(error)) from error
    store.adopt(reader.bundle.version)
    store.switch(reader.bundle.version)
    return reader.bundle.version


def _unpack(reader: BundleReader, job: Job, folder: Path) -> None:
    """Unpacks and checks a bundle whose list is signed."""
    if reader.bundle.total_bytes > job.settings.max_bytes:
        raise UpdateError(
            f"its files have {reader.bundle.total_bytes} bytes, more than max_bytes, "
            f"{job.settings.max_bytes}"
        )
    reader.extract(folder)
    # What it imports takes longer than all other steps.
    from edge.updates.checks import check_packs

    check_packs(folder, reader.bundle.files, job.wanted, job.fusion)


def _opened(job: Job, folder: Path, report: Callable[[Progress], None]) -> BinaryIO:
    """Returns the bundle, of the promised hash if there is one."""
    if not job.address:
        return os.fdopen(job.stream, "rb")
    report(Progress("fetching", job.version))
    # It has no name, so nothing of it is left when this process ends.
    stream: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
    found = fetch(job.address, stream, job.settings)
    stream.seek(0)
    if job.sha256 and found != job.sha256:
        raise UpdateError(
            f"the sha256 of what was fetched is {found[:12]}…, not {job.sha256[:12]}…"
        )
    return stream


def _check_version(version: str, job: Job, store: ModelStore, keys: TrustedKeys) -> None:
    record = store.record
    if job.version and version != job.version:
        raise _RefusedError(f"the bundle is version {version}, not {job.version}")
    if order(version) == order(record.current):
        if _is_whole(store, record, keys):
            raise _RefusedError(f"version {version} is in use already")
        return  # what is installed is not used, and this repairs it
    if not job.allow_older and order(version) <= order(record.newest):
        raise _RefusedError(
            f"version {version} is not newer than {record.newest}, which was in use already"
        )


def _is_whole(store: ModelStore, record: Record, keys: TrustedKeys) -> bool:
    """Returns whether the bundle that was kept last can be used."""
    try:
        check_unpacked(store.bundle(record.current), record.current, keys)
    except UpdateError:
        return False
    return True


def _verified(job: Job, store: ModelStore, report: Callable[[Progress], None]) -> Bundle:
    """Returns the list of a bundle that a trusted key signed and that is undamaged."""
    keys = TrustedKeys(Path(job.settings.keys))
    if not job.address and job.stream < 0:
        version = job.version or store.record.in_use
        if not version:
            raise UpdateError("no bundle is in use, only the models of models.folder")
        try:
            return check_unpacked(store.bundle(version), version, keys)
        except UpdateError as error:
            raise _RefusedError(str(error)) from error
    try:
        with tempfile.TemporaryDirectory() as folder, _opened(job, Path(folder), report) as stream:
            reader = BundleReader(stream, keys)
            report(Progress("checking", reader.bundle.version))
            _unpack(reader, job, Path(folder, "bundle"))
            return reader.bundle
    except OSError as error:
        raise UpdateError(f"it cannot be unpacked to check it ({error.strerror})") from error


def _print(progress: Progress) -> None:
    sys.stdout.write(msgspec.json.encode(progress).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Does the job on standard input."""
    run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job), _print)
