"""Checks the installed bundle of models, as the daemon does before it uses one."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.commands.doctor.report import CheckResult, failed, passed, skipped, warned
from edge.errors import UpdateError
from edge.installed import InstalledFiles
from edge.updates.bundle import check_unpacked
from edge.updates.keys import TrustedKeys
from edge.updates.store import ModelStore


def check_bundle(
    state_folder: Path, keys: Path, copies: ExitStack
) -> tuple[CheckResult, InstalledFiles | None]:
    """Checks signature and files of the bundle in use; returns a copy of it, None for none.

    Root may run the doctor, and the service's user may write to the state folder: so the models
    that are tried are copies of what was checked. `copies` removes them.
    """
    store = ModelStore(state_folder)
    try:
        version = store.record.in_use
    except UpdateError as error:
        if isinstance(error.__cause__, PermissionError):
            return warned(f"{error}; the daemon may use another", "run the doctor as root"), None
        return failed(f"{error}; the daemon uses models.folder"), None
    if not version:
        return skipped("no bundle is installed, so all models are those of models.folder"), None
    try:
        folder = Path(copies.enter_context(TemporaryDirectory(prefix="emotiond-doctor-")))
        bundle = check_unpacked(store.bundle(version), version, TrustedKeys(keys), folder)
    except UpdateError as error:
        remedy = "emotiond models install it again, or emotiond models rollback"
        return failed(f"{error}; the daemon does not use bundle {version}", remedy), None
    except OSError as error:
        return failed(f"bundle {version} cannot be copied to try it ({error.strerror})"), None
    files = InstalledFiles(folder, bundle.hashes)
    return passed(f"bundle {version}, signed by a trusted key"), files
