"""`emotiond models`: installs, lists, verifies and rolls back signed bundles of models."""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge.commands.terminal import table
from edge.config import Config, Models
from edge.errors import EmotiondError, ModelError, UpdateError
from edge.installed import InstalledFiles
from edge.resources import state_folder
from edge.state_lock import holder
from edge.updates.archive import pack_folder
from edge.updates.job import Job, Progress
from edge.updates.process import JobProcess
from edge.updates.reasons import sentence
from edge.updates.store import ModelStore
from edge.values import MODALITIES

SERVICE_STATE = Path("/var/lib/emotiond")
"""The state folder of the service, which has it from systemd."""
TRIAL_S = 180.0
"""Longest trial of new models by a daemon: its start and the start of the old one."""
POLL_S = 0.2


class ModelsCommand:
    """The commands on the models of one state folder. `show` gets lines for the user.

    Root acts as the owner of the folder: what the service's user could place there must not make
    root write elsewhere.
    """

    def __init__(self, config: Config, folder: str, show: Callable[[str], None]) -> None:
        self._config, self._show = config, show
        self._folder = _folder(folder or config.state_folder)
        self._store = ModelStore(self._folder)

    def list(self) -> None:
        """Shows the bundles, and the packs in use with where each comes from."""
        self._become_owner()
        record = self._store.record
        self._show(f"in use:   {record.in_use or 'models.folder, no bundle'}")
        if record.candidate:
            self._show("          on trial, until the daemon has been ready with it")
        if record.current:
            self._show(f"previous: {record.previous or 'models.folder, no bundle'}")
        if record.failure:
            self._show(f"failed:   {record.failure.version} {record.failure.reason}")
        files = None
        if record.in_use:
            try:
                last = self._run("", -1, install=False)
                files = InstalledFiles(self._store.bundle(last.version), last.files)
            except UpdateError as error:
                self._show(f"not used: {error}")
        fusion = self._config.fusion.file
        rows = list(_rows(self._config.models, fusion, files, record.in_use))
        self._show("\n" + table(("pack", "version", "sha256", "from"), rows))

    def install(self, source: str, allow_older: bool) -> None:
        """Installs a bundle from a file, folder or address, and waits until it is kept.

        Raises UpdateError.
        """
        with _opened(source) as stream:
            self._become_owner()
            last = self._run(source, stream, install=True, allow_older=allow_older)
        if (pid := holder(self._folder)) is None:
            self._show(f"version {last.version}: no daemon runs here; the next one will try it")
            return
        os.kill(pid, signal.SIGHUP)
        self._show(f"trying version {last.version} in the running daemon")
        deadline_s = time.monotonic() + TRIAL_S
        while self._store.record.candidate:
            if time.monotonic() > deadline_s:
                raise UpdateError("the daemon has not decided yet: see its log")
            time.sleep(POLL_S)
        record = self._store.record
        if record.current != last.version:
            reason = record.failure.reason if record.failure else "see the log of the daemon"
            raise UpdateError(f"version {last.version} was not kept: {reason}")
        self._show(f"version {last.version} is in use")

    def verify(self, source: str) -> None:
        """Checks a bundle, or the one in use, without installing it; raises UpdateError."""
        with _opened(source) as stream:
            if self._folder.exists():
                self._become_owner()
            last = self._run(source, stream, install=False)
        self._show(f"version {last.version}: signed by a trusted key, undamaged")

    def roll_back(self) -> None:
        """Returns to the bundle before; raises UpdateError."""
        self._become_owner()
        try:
            with self._store.locked():
                version = self._store.roll_back()
        except OSError as error:
            raise UpdateError(sentence(error)) from error
        if (pid := holder(self._folder)) is not None:
            os.kill(pid, signal.SIGHUP)
        self._show(f"in use from now on: {version or 'models.folder, no bundle'}")

    def _run(self, source: str, stream: int, install: bool, allow_older: bool = False) -> Progress:
        job = Job(
            state_folder=str(self._store.folder.parent),
            settings=self._config.models.updates,
            address=source if _is_address(source) else "",
            stream=stream,
            wanted=self._config.model_files,
            fusion=self._config.fusion,
            install=install,
            allow_older=allow_older,
        )
        last = JobProcess(job).run(self._show_step)
        if last.step == "failed":
            raise UpdateError(last.reason)
        return last

    def _show_step(self, progress: Progress) -> None:
        if progress.step in ("fetching", "checking"):
            self._show(f"{progress.step} {progress.version or 'the bundle'}")

    def _become_owner(self) -> None:
        """Gives up root's rights for those of the folder's owner, for good."""
        if os.geteuid() != 0:
            return
        try:
            owner = self._folder.stat()
            if owner.st_uid == 0:
                return
            os.chdir(self._folder)  # its owner may not reach it from the root
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EmotiondError(f"{self._folder}: cannot act as its owner ({error})") from error
        self._folder = Path()
        self._store = ModelStore(self._folder)


def _folder(configured: str) -> Path:
    own = state_folder(configured)
    if not configured and os.geteuid() == 0 and "STATE_DIRECTORY" not in os.environ:
        return SERVICE_STATE if SERVICE_STATE.is_dir() else own
    return own


def _is_address(source: str) -> bool:
    return "://" in source


@contextlib.contextmanager
def _opened(source: str) -> Iterator[int]:
    """Opens a bundle, of a folder as if it were a file; -1 for none and for an address."""
    if not source or _is_address(source):
        yield -1
        return
    path = Path(source)
    with contextlib.ExitStack() as stack:
        try:
            if path.is_dir():
                stream = stack.enter_context(tempfile.TemporaryFile())
                pack_folder(path, stream)
                stream.seek(0)
            else:
                stream = stack.enter_context(path.open("rb"))  # type: ignore[assignment]
        except OSError as error:
            raise UpdateError(f"{source}: cannot read it ({error.strerror})") from error
        yield stream.fileno()


def _rows(
    models: Models, fusion: str, installed: InstalledFiles | None, version: str
) -> Iterator[Sequence[str]]:
    """Yields name, version, hash and origin of each pack."""
    from edge.perception.loader import ModelLoader  # slow to import
    from edge.perception.pack import load_pack

    loader = ModelLoader(models, installed=installed)
    for name in models.manifests(MODALITIES):
        origin = f"bundle {version}" if loader.is_installed(name) else "models.folder"
        try:
            manifest = load_pack(loader.path(name), loader.sha256(name)).manifest
        except ModelError as error:
            yield name, "-", str(error), origin
        else:
            yield name, manifest.version, f"{manifest.sha256[:12]}…", origin
    if installed is not None and fusion in installed.sha256:
        yield fusion, "", f"{installed.sha256[fusion][:12]}…", f"bundle {version}"
