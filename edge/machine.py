"""Reads figures of processes and of this machine from /proc and /sys."""

import time
from pathlib import Path
from typing import Literal, get_args

from edge.errors import EmotiondError

Throttle = Literal["under_voltage", "frequency_capped", "throttled", "soft_temperature_limit"]
"""Reasons why a Raspberry Pi slows down."""
MEMINFO = Path("/proc/meminfo")
CGROUP, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
"""The group of this process, and where all groups are."""
THERMAL_ZONES = Path("/sys/class/thermal")
IGNORED_ZONES = ("PMIC-Die",)
"""Types of Jetson zones that always report 100 °C."""
PLATFORM = Path("/sys/devices/platform")
THROTTLED_FILE = "soc*/*firmware/get_throttled"
"""Raspberry Pi's hexadecimal flags; the lowest four describe the present."""
THROTTLE_FLAGS: tuple[Throttle, ...] = get_args(Throttle)
"""Flags in the order of their bits, lowest first."""


def _status_kb(pid: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise EmotiondError(f"process {pid} not found ({error.strerror})") from error
    values = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(values[field].split()[0])


def peak_rss_mb(pid: int) -> float:
    """Returns the peak resident memory of a process in 10^6 bytes."""
    return _status_kb(pid, "VmHWM") * 1024 / 1e6


def rss_mb(pid: int) -> float:
    """Returns the current resident memory of a process in 10^6 bytes."""
    return _status_kb(pid, "VmRSS") * 1024 / 1e6


def available_mb(meminfo: Path = MEMINFO) -> float:
    """Returns the memory that programs may still take, in 10^6 bytes."""
    return _meminfo_mb(meminfo, "MemAvailable")


def _meminfo_mb(meminfo: Path, name: str) -> float:
    fields = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
    return int(fields[name].split()[0]) * 1024 / 1e6


def total_mb(meminfo: Path = MEMINFO) -> float:
    """Returns the memory of the machine, in 10^6 bytes."""
    return _meminfo_mb(meminfo, "MemTotal")


def memory_limit_mb(own: Path = CGROUP, groups: Path = CGROUPS) -> float | None:
    """Returns the memory that systemd or a container allows this process, in 10^6 bytes.

    None without a limit, and where the kernel's memory control is off.
    """
    try:
        lines = own.read_text(encoding="ascii").splitlines()
        group = groups / next(one[3:].strip("/") for one in lines if one.startswith("0::"))
        limits = [
            int(text) * 1e-6
            for folder in (group, *group.parents)
            if folder.is_relative_to(groups)
            if (file := folder / "memory.max").exists()
            if (text := file.read_text(encoding="ascii").strip()) != "max"
        ]
    except (OSError, StopIteration, ValueError):
        return None
    return min(limits, default=None)


def temperature_c(zones: Path = THERMAL_ZONES) -> float | None:
    """Returns the temperature of the hottest sensor; None if no sensor is readable."""
    found = []
    for file in zones.glob("thermal_zone*/temp"):
        try:
            if file.with_name("type").read_text(encoding="ascii").strip() in IGNORED_ZONES:
                continue
            found.append(int(file.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):
            continue  # the sensor sleeps
    return max(found, default=None)


def throttled(platform: Path = PLATFORM) -> list[Throttle] | None:
    """Returns what slows the device down now; None if the machine does not report it."""
    try:
        flags = int(next(platform.glob(THROTTLED_FILE)).read_text(encoding="ascii").strip(), 16)
    except (StopIteration, OSError, ValueError):
        return None
    return [name for bit, name in enumerate(THROTTLE_FLAGS) if flags >> bit & 1]


class CpuShare:
    """This process's share of a core, from one reading to the next."""

    def __init__(self) -> None:
        self._cpu_s = time.process_time()

    def read_percent(self, over_s: float) -> float:
        """Returns the share since the last reading, `over_s` seconds ago."""
        before_s, self._cpu_s = self._cpu_s, time.process_time()
        return 100 * (self._cpu_s - before_s) / over_s
