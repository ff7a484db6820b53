"""Checks of the system: clock, temperature, disk, permissions, Python, memory."""

import ctypes
import getpass
import grp
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from edge.clock import SET_S
from edge.commands.doctor.report import CheckResult, failed, passed, skipped, warned
from edge.config import Config

MIN_FREE_BYTES = 1_000_000
MIN_MEMORY_MB = 250.0
"""The daemon takes about 140 MB, and briefly more while it starts."""
UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""
MIN_PYTHON = (3, 10)
LITERT, OLD_LITERT = "ai-edge-litert", "tflite-runtime"
INSTALL = "install emotiond again, on a 64-bit system with Python 3.10 or newer"
POWER = "use a stronger power supply"
COOLING = "add a heat sink or a fan"
SET_CLOCK = "run `timedatectl set-ntp true`, and check that the network lets NTP through"


class _Timex(ctypes.Structure):
    """The first fields of struct timex, and space for the rest."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    ]


def is_synchronised() -> bool | None:
    """Returns True if the kernel's clock is synchronised; None if that is unknown."""
    timex = _Timex()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not timex.status & UNSYNCHRONISED


def check_clock(now_utc_s: float, synchronised: bool | None) -> CheckResult:
    """Checks the time, on which the time of payloads and the age of events depend."""
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_utc_s))
    if now_utc_s < SET_S:
        return failed(f"the clock shows {shown}: it was never set", SET_CLOCK)
    if synchronised is None:
        return passed(f"{shown}; the system does not report whether it is synchronised")
    if not synchronised:
        return warned(f"{shown}, not synchronised", SET_CLOCK)
    return passed(f"{shown}, synchronised")


def check_temperature(
    hottest_c: float | None, slowed_by: Sequence[str] | None, max_c: float
) -> CheckResult:
    """Checks for heat and throttling; from `max_c` the daemon analyses fewer pictures."""
    found = "no temperature sensor" if hottest_c is None else f"{hottest_c:.0f} °C"
    figures = {} if hottest_c is None else {"temperature_c": round(hottest_c, 1)}
    if slowed_by:
        remedy = POWER if "under_voltage" in slowed_by else COOLING
        return warned(f"{found}, slowed down by {', '.join(slowed_by)}", remedy, **figures)
    if hottest_c is None:
        return skipped(found)
    if hottest_c >= max_c:
        return warned(f"{found}; load.max_temperature_c is {max_c:g}", COOLING, **figures)
    return passed(found, **figures)


def check_disk(folder: Path, max_spool_bytes: int) -> CheckResult:
    """Checks the space for a spool of `max_spool_bytes` and SQLite's journal beside it."""
    free = shutil.disk_usage(_existing(folder)).free
    found, figures = f"{free / 1e6:,.0f} MB free for {folder}", {"free_mb": round(free / 1e6, 1)}
    if free < MIN_FREE_BYTES:
        return failed(
            f"{found}: too little to keep events while the broker is away",
            "free some disk space",
            **figures,
        )
    if free < 2 * max_spool_bytes:
        remedy = f"free some disk space, or lower mqtt.spool.max_bytes from {max_spool_bytes:,}"
        return warned(
            f"{found}; a full spool takes {2 * max_spool_bytes / 1e6:.0f} MB", remedy, **figures
        )
    return passed(found, **figures)


def check_state(folder: Path) -> CheckResult:
    """Checks the folder for the spool and the pause, which may not exist yet."""
    user = _user()
    if not _exists(folder):
        above = _existing(folder)
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            return passed(f"{folder} does not exist yet, but can be created")
        return failed(
            f"{folder} does not exist, and {user} may not create it in {above}",
            f"sudo install -d -o {user} {folder}, or set state_folder",
        )
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"emotiond")
    except OSError as error:
        return failed(
            f"{folder}: {user} cannot write to it ({error.strerror})",
            "set state_folder, or make the user that runs emotiond the folder's owner (if the "
            "service runs it, run the doctor as root)",
        )
    return passed(f"{folder} is writable")


def _existing(folder: Path) -> Path:
    """Returns the folder, or its nearest parent that exists."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if _exists(one))


def _exists(path: Path) -> bool:
    """Returns True if this user can see that the path exists."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _may_use(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)


def check_access(
    nodes: dict[str, list[Path]], may_use: Callable[[Path], bool] = _may_use
) -> CheckResult:
    """Checks that this user may use device nodes, given by the group that they belong to."""
    existing = {group: [one for one in paths if one.exists()] for group, paths in nodes.items()}
    existing = {group: paths for group, paths in existing.items() if paths}
    if not existing:
        return skipped("no device that needs permission")
    user = _user()
    refused = [group for group, paths in existing.items() if not all(map(may_use, paths))]
    if refused:
        shown = ", ".join(str(node) for group in refused for node in existing[group])
        return warned(
            f"{user} ({_groups()}) may not use {shown}",
            f"sudo usermod -aG {','.join(refused)} {user}, then log in again; the service has "
            "its own groups",
        )
    return passed(f"{user} ({_groups()}) may use {' and '.join(existing)} devices")


def device_nodes(
    config: Config, dev: Path = Path("/dev"), cameras: Path = Path("/sys/class/video4linux")
) -> dict[str, list[Path]]:
    """Returns the device nodes that the configuration needs, by group; files and URLs need none."""
    from edge.capture.sources import is_address, is_sound_file, is_video_file
    from edge.capture.v4l2 import Cameras

    nodes = {}
    source, microphone = config.camera.source, config.microphone
    if config.camera.enabled and not (is_video_file(source) or is_address(source)):
        if str(source).isdecimal():
            nodes["video"] = [dev / f"video{source}"]
        elif "/" in str(source):
            nodes["video"] = [Path(str(source))]
        else:
            nodes["video"] = [node.path for node in Cameras(cameras, dev).nodes()]
    if microphone.enabled and not is_sound_file(microphone.source):
        nodes["audio"] = sorted((dev / "snd").glob("pcm*c"))
    return nodes


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the system knows only the user's number
        return f"user {os.getuid()}"


def _groups() -> str:
    names = []
    for number in {os.getegid(), *os.getgroups()}:
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            names.append(str(number))
    return f"groups {', '.join(sorted(names))}"


def check_python() -> CheckResult:
    """Checks the version of Python, and that the required packages are installed."""
    found = f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    versions = {package: _version(package) for package in _requirements()}
    if not versions.get(LITERT) and (older := _version(OLD_LITERT)):
        versions[LITERT] = f"as {OLD_LITERT} {older}"
    missing = [package for package, number in versions.items() if not number]
    if sys.maxsize <= 2**32 or sys.version_info < MIN_PYTHON:
        return failed(f"{found}: too old or 32-bit", INSTALL)
    if missing:
        return failed(f"{found}: {', '.join(missing)} not installed", INSTALL)
    shown = ", ".join(f"{package} {number}" for package, number in versions.items())
    return passed(f"{found}; {shown}")


def _requirements() -> list[str]:
    """Returns the names of the packages that emotiond requires, without those of its extras."""
    lines = requires("emotiond") or []
    return [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def check_memory(available_mb: float) -> CheckResult:
    """Checks that enough memory is available for the daemon."""
    found, figures = f"{available_mb:,.0f} MB available", {"available_mb": round(available_mb, 1)}
    if available_mb < MIN_MEMORY_MB:
        return warned(
            f"{found}; the daemon needs {MIN_MEMORY_MB:.0f} MB",
            "stop programs that are not needed",
            **figures,
        )
    return passed(found, **figures)
