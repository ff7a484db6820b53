"""The report of `emotiond bench`: what was measured, and on what machine.

It has nothing about its owner: no host name, user, path, address or serial number.
"""

import os
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from edge import __version__
from edge.commands.terminal import table
from edge.machine import total_mb
from edge.publish.payloads import ModelInfo

BOARD = Path("/proc/device-tree/model")
"""A board's name, such as `Raspberry Pi 5 Model B Rev 1.0`; a PC has none."""
CPUINFO = Path("/proc/cpuinfo")
LIBRARIES = ("ai-edge-litert", "tflite-runtime", "numpy", "opencv-python-headless", "pymicro-vad")
FEATURES = (
    *("asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve"),
    *("sse4_2", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"),
)
"""Of the processor's instructions, those that change how fast models run."""
FACE_PATH = ("detect", "crop", "classify")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that was measured."""

    board: str
    """Empty if it does not say."""
    processor: str
    architecture: str
    cores: int
    features: list[str]
    memory_mb: int
    """10^6 bytes."""
    system: str
    kernel: str
    python: str


class Stage(msgspec.Struct, frozen=True):
    """Duration of one stage, over all its runs."""

    name: str
    p50_ms: float
    p90_ms: float
    p99_ms: float


class DaemonFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The whole daemon on a clip, with three modalities."""

    peak_rss_mb: float
    """10^6 bytes."""
    start_to_first_event_s: float | None
    latency_p50_ms: float | None
    """From capture to receipt."""
    messages: int


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that `emotiond bench` measured."""

    type: Literal["emotiond.bench"] = "emotiond.bench"
    format: Literal[1] = 1
    version: str = __version__
    machine: Machine
    libraries: dict[str, str]
    models: dict[str, ModelInfo]
    """By modality."""
    threads: int
    width_px: int
    height_px: int
    repeat: int
    """Runs of each stage."""
    clip: str
    temperature_c: float | None
    """Of the hottest sensor, at the end."""
    throttled: list[str] | None
    stages: list[Stage]
    daemon: DaemonFigures

    def render(self) -> str:
        """Formats the report for a terminal."""
        rows = [(one.name, f"{one.p50_ms:.3f}", f"{one.p99_ms:.3f}") for one in self.stages]
        face_ms = sum(one.p50_ms for one in self.stages if one.name in FACE_PATH)
        return "\n".join(
            [
                f"{self.repeat} runs per stage, {self.threads} thread(s) per model, {self.clip} at "
                f"{self.width_px}x{self.height_px}\n",
                table(("stage", "median ms", "p99 ms"), rows),
                f"\nface path {face_ms:.2f} ms: {1000 / face_ms:.0f} frames a second on one core",
                *_daemon_lines(self.daemon),
            ]
        )


def _daemon_lines(figures: DaemonFigures) -> Iterator[str]:
    yield f"daemon, three modalities: peak RSS {figures.peak_rss_mb:.0f} MB"
    if figures.start_to_first_event_s is not None:
        yield (
            "start of the process to receipt of the first event: "
            f"{figures.start_to_first_event_s:.2f} s"
        )
    if figures.latency_p50_ms is not None:
        yield (
            f"capture to receipt: median {figures.latency_p50_ms:.1f} ms "
            f"of {figures.messages} messages"
        )


def this_machine() -> Machine:
    """Returns a description of this machine."""
    cpuinfo = _read(CPUINFO)
    flags = set(" ".join(re.findall(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.M)).split())
    names = re.findall(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.M)
    return Machine(
        board=_read(BOARD).strip("\0\n "),
        processor=names[0] if names else platform.processor(),
        architecture=platform.machine(),
        cores=os.cpu_count() or 1,
        features=[one for one in FEATURES if one in flags],
        memory_mb=round(total_mb()),
        system=_system(),
        kernel=platform.release(),
        python=platform.python_version(),
    )


def library_versions() -> dict[str, str]:
    """Returns the versions of the installed libraries that do the work."""
    installed = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    return {name: installed[name] for name in LIBRARIES if name in installed}


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
