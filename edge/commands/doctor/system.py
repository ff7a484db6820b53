"""The machine below: clock, temperature, disk, permissions, Python, memory."""

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

from edge.commands.doctor.report import CheckResult, failed, passed, skipped, warned
from edge.config import Config
from edge.publish.store import CLOCK_SET_S

MIN_FREE_BYTES = 1_000_000
MIN_MEMORY_MB = 250.0
"""The daemon takes some 140 MB, and needs more for a moment while it starts."""
MEMINFO = Path("/proc/meminfo")
UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""
MIN_PYTHON = (3, 10)
LITERT, OLD_LITERT = "ai-edge-litert", "tflite-runtime"
INSTALL = "install emotiond again, on a 64-bit system with Python 3.10 or newer"
SET_CLOCK = "timedatectl set-ntp true, and see that the network lets NTP through"


class _Timex(ctypes.Structure):
    """The begin of struct timex, and room for the rest of it."""

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
    """Whether the kernel's clock follows a better one; None where it does not tell."""
    timex = _Timex()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not timex.status & UNSYNCHRONISED


def check_clock(now_utc_s: float, synchronised: bool | None) -> CheckResult:
    """Payloads carry this time, and events their age."""
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_utc_s))
    if now_utc_s < CLOCK_SET_S:
        return failed(f"it is {shown}, the clock says: it was never set", SET_CLOCK)
    if synchronised is None:
        return passed(f"{shown}; whether it is synchronised, the system does not tell")
    if not synchronised:
        return warned(f"{shown}, not synchronised", SET_CLOCK)
    return passed(f"{shown}, synchronised")


def check_temperature(
    hottest_c: float | None, slowed_by: Sequence[str] | None, max_c: float
) -> CheckResult:
    """What makes a board slow; above `max_c` the daemon itself looks less often."""
    found = "no sensor tells it" if hottest_c is None else f"{hottest_c:.0f} °C"
    figures = {} if hottest_c is None else {"temperature_c": round(hottest_c, 1)}
    if slowed_by:
        remedy = "a stronger power supply" if "under_voltage" in slowed_by else "a heat sink or fan"
        return warned(f"{found}, slowed down by {', '.join(slowed_by)}", remedy, **figures)
    if hottest_c is None:
        return skipped(found)
    if hottest_c >= max_c:
        return warned(
            f"{found}, load.max_temperature_c is {max_c:g}", "a heat sink or fan", **figures
        )
    return passed(found, **figures)


def check_disk(folder: Path, max_spool_bytes: int) -> CheckResult:
    """Room for a spool of `max_spool_bytes` and the journal that SQLite writes beside it."""
    free = shutil.disk_usage(_existing(folder)).free
    found, figures = f"{free / 1e6:,.0f} MB free for {folder}", {"free_mb": round(free / 1e6, 1)}
    if free < MIN_FREE_BYTES:
        return failed(f"{found}: events cannot wait for the broker", "make room", **figures)
    if free < 2 * max_spool_bytes:
        remedy = f"make room, or lower mqtt.spool.max_bytes, which is {max_spool_bytes:,}"
        return warned(
            f"{found}, a full spool takes {2 * max_spool_bytes / 1e6:.0f} MB", remedy, **figures
        )
    return passed(found, **figures)


def check_state(folder: Path) -> CheckResult:
    """The folder of the spool and the pause; it need not be there yet."""
    user = _user()
    if not _exists(folder):
        above = _existing(folder)
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            return passed(f"{folder} is not there yet, and can be made")
        return failed(
            f"{folder} is not there, and {user} may not make it in {above}",
            f"sudo install -d -o {user} {folder}, or set state_folder",
        )
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"emotiond")
    except OSError as error:
        return failed(
            f"{folder}: {user} cannot write there ({error.strerror})",
            "set state_folder, or give it to who runs emotiond (where that is the service, try "
            "this as root)",
        )
    return passed(f"{folder} can be written")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if _exists(one))


def _exists(path: Path) -> bool:
    """As far as this user can see."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _may_use(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)


def check_access(
    nodes: dict[str, list[Path]], may_use: Callable[[Path], bool] = _may_use
) -> CheckResult:
    """Whether this user may use device nodes, which are given by the group that they belong to."""
    there = {group: [one for one in found if one.exists()] for group, found in nodes.items()}
    there = {group: found for group, found in there.items() if found}
    if not there:
        return skipped("there is no device to be allowed")
    user = _user()
    refused = [group for group, found in there.items() if not all(map(may_use, found))]
    if refused:
        shown = ", ".join(str(node) for group in refused for node in there[group])
        return warned(
            f"{user} ({_groups()}) may not use {shown}",
            f"sudo usermod -aG {','.join(refused)} {user}, then log in again; the service has "
            "groups of its own",
        )
    return passed(f"{user} ({_groups()}) may use {', '.join(there)} devices")


def device_nodes(
    config: Config, dev: Path = Path("/dev"), cameras: Path = Path("/sys/class/video4linux")
) -> dict[str, list[Path]]:
    """The nodes that the configuration needs, by group; files and addresses need none."""
    from edge.capture.sources import is_video_file
    from edge.capture.v4l2 import Cameras

    nodes = {}
    source, microphone = config.camera.source, config.microphone
    if config.camera.enabled and not is_video_file(source) and "://" not in str(source):
        if str(source).isdecimal():
            nodes["video"] = [dev / f"video{source}"]
        elif "/" in str(source):
            nodes["video"] = [Path(str(source))]
        else:
            nodes["video"] = [node.path for node in Cameras(cameras, dev).nodes()]
    if microphone.enabled and "/" not in microphone.source:
        nodes["audio"] = sorted((dev / "snd").glob("pcm*c"))
    return nodes


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of whom the system knows the number alone
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
    """The interpreter and what it is to run."""
    found = f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    versions = {package: _version(package) for package in _requirements()}
    if not versions.get(LITERT) and (older := _version(OLD_LITERT)):
        versions[LITERT] = f"as {OLD_LITERT} {older}"
    missing = [package for package, number in versions.items() if not number]
    if sys.maxsize <= 2**32 or sys.version_info < MIN_PYTHON:
        return failed(f"{found}: too old, or 32-bit", INSTALL)
    if missing:
        return failed(f"{found}: {', '.join(missing)} not installed", INSTALL)
    shown = ", ".join(f"{package} {number}" for package, number in versions.items())
    return passed(f"{found}; {shown}")


def _requirements() -> list[str]:
    """What the package asks pip for, without its extras."""
    lines = requires("emotiond") or []
    return [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def check_memory(meminfo: Path = MEMINFO) -> CheckResult:
    """What is left for the daemon."""
    fields = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
    available_mb = int(fields["MemAvailable"].split()[0]) * 1024 / 1e6
    found, figures = f"{available_mb:,.0f} MB available", {"available_mb": round(available_mb, 1)}
    if available_mb < MIN_MEMORY_MB:
        return warned(
            f"{found}, the daemon wants {MIN_MEMORY_MB:.0f}", "stop what is not needed", **figures
        )
    return passed(found, **figures)
