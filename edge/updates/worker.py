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

from edge.errors import UpdateError, describe
from edge.updates.bundle import LIST, SIGNATURE, BundleReader, checked_list, fault_of_files
from edge.updates.fetch import fetch
from edge.updates.job import Job, Progress
from edge.updates.keys import TrustedKeys
from edge.updates.store import ModelStore, Record, sentence
from edge.updates.version import order


def run(job: Job, report: Callable[[Progress], None]) -> None:
    """Does a job; the last report says how it ended."""
    version = job.version
    try:
        report(_do(job, ModelStore(Path(job.state_folder)), report))
    except (UpdateError, OSError) as error:
        report(Progress("failed", version, sentence(error)))
    except Exception as error:  # outermost frame: whoever waits must hear of it
        report(Progress("failed", version, f"it failed with {describe(error)}"))


def _do(job: Job, store: ModelStore, report: Callable[[Progress], None]) -> Progress:
    if not job.install:
        return Progress("verified", _verify(job, store, report))
    with store.locked():
        store.begin(job.version, job.sha256)
        try:
            return Progress("starting", _install(job, store, report))
        except (UpdateError, OSError) as error:
            with contextlib.suppress(OSError):  # no space for that either
                store.fail(job.version, sentence(error), isinstance(error, _RefusedError))
            raise


class _RefusedError(UpdateError):
    """A bundle that will be refused again."""


def _install(job: Job, store: ModelStore, report: Callable[[Progress], None]) -> str:
    keys = TrustedKeys(Path(job.settings.keys))
    with _opened(job, store.folder, report) as stream:
        report(Progress("checking", job.version))
        try:
            reader = BundleReader(stream, keys)
            _check_version(reader.bundle.version, job, store.record)
            _unpack(reader, job, store.incoming)
        except UpdateError as error:
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

    check_packs(folder, reader.bundle.files, job.wanted)


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


def _check_version(version: str, job: Job, record: Record) -> None:
    if job.version and version != job.version:
        raise UpdateError(f"the bundle is version {version}, not {job.version}")
    if order(version) == order(record.current):
        raise UpdateError(f"version {version} is in use already")
    if not job.allow_older and order(version) <= order(record.newest):
        raise UpdateError(
            f"version {version} is not newer than {record.newest}, which was in use already"
        )


def _verify(job: Job, store: ModelStore, report: Callable[[Progress], None]) -> str:
    """Returns the version of a bundle that a trusted key signed and that is undamaged."""
    keys = TrustedKeys(Path(job.settings.keys))
    if not job.address and job.stream < 0:
        return _verify_used(store, keys)
    with tempfile.TemporaryDirectory() as folder, _opened(job, Path(folder), report) as stream:
        reader = BundleReader(stream, keys)
        report(Progress("checking", reader.bundle.version))
        _unpack(reader, job, Path(folder, "bundle"))
        return reader.bundle.version


def _verify_used(store: ModelStore, keys: TrustedKeys) -> str:
    version = store.record.in_use
    if not version:
        raise UpdateError("no bundle is in use, only the models of models.folder")
    folder = store.bundle(version)
    try:
        content, signature = (folder / LIST).read_bytes(), (folder / SIGNATURE).read_bytes()
    except OSError as error:
        raise UpdateError(f"{folder}: cannot read its list ({error.strerror})") from error
    bundle = checked_list(content, signature, keys)
    if bundle.version != version:
        raise UpdateError(f"{folder}: this is version {bundle.version}")
    if fault := fault_of_files(folder, bundle):
        raise UpdateError(f"version {version}: {fault}")
    return version


def _print(progress: Progress) -> None:
    sys.stdout.write(msgspec.json.encode(progress).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Does the job on standard input."""
    run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job), _print)
