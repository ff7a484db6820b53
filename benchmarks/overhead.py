"""Measures what the daemon costs beside its kernels: `python -m benchmarks.overhead`.

The sample clips, one after another, play as camera and microphone for a minute: to the whole
daemon, with a broker, and at the same time to a bare loop that only decodes, detects, crops,
classifies, listens and infers, at the same rates. Then an empty room plays, in silence, to the
daemon and to a loop that only reads the devices. CPU time of the processes is compared, which other
programs disturb less than the time on the clock.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from benchmarks.harness.device import device
from benchmarks.harness.kernels import Ears, Eyes
from benchmarks.harness.scenes import empty_room, people, write_clip
from edge.capture.media import read_frames, read_sound
from edge.commands.terminal import table
from edge.config import Camera, Models
from edge.perception.loader import ModelLoader
from edge.perception.voice import FRAMES_PER_S, HOP_FRAMES
from edge.values import SAMPLE_RATE_HZ, Frame, Sound

WARM_UP_S = 10.0
"""Time for models and connection, which counts for neither side."""
SPARE_S = 10.0
"""What a clip is longer than both, so that none ends early."""
SCENES = (
    ("people who speak", people, "bare"),
    ("nobody, silence", empty_room, "devices"),
)
"""Each with the loop that the daemon is compared with."""


def _play(clip: Path, see: Callable[[Frame], None], hear: Callable[[Sound], None]) -> None:
    """Reads a clip in its own time, picture by picture and half second by half second."""
    sound, started_s, heard = read_sound(clip), time.monotonic(), 0
    length = HOP_FRAMES * SAMPLE_RATE_HZ // FRAMES_PER_S
    for frame in read_frames(clip, Camera().fps):
        time.sleep(max(started_s + frame.captured_s - time.monotonic(), 0))
        see(frame)
        if heard + length <= frame.captured_s * SAMPLE_RATE_HZ:
            hear(sound[heard : heard + length])
            heard += length


def play_bare(clip: Path) -> None:
    """Runs the kernels alone."""
    cv2.setNumThreads(1)  # cheapest: a pool of threads costs more than such small pictures
    loader = ModelLoader(Models())
    _play(clip, Eyes(loader), Ears(loader))


def play_devices(clip: Path) -> None:
    """Reads the devices alone."""
    _play(clip, lambda frame: None, lambda sound: None)


LOOPS = {"bare": play_bare, "devices": play_devices}


def _cpu_s(pid: int) -> float:
    """Returns the CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _loop(name: str, clip: Path) -> Iterator[int]:
    """Yields the process id of a loop."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--loop", name, str(clip)]
    with subprocess.Popen(command) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def _compare(name: str, clip: Path, duration_s: float) -> tuple[float, float]:
    """Returns CPU seconds of the daemon and of a loop while both play a clip."""
    source = {"source": str(clip)}
    with device(30.0, camera=source, microphone=source) as (pid, _), _loop(name, clip) as loop:
        time.sleep(WARM_UP_S)
        before = _cpu_s(pid), _cpu_s(loop)
        time.sleep(duration_s)
        return _cpu_s(pid) - before[0], _cpu_s(loop) - before[1]


def measure(duration_s: float) -> None:
    """Measures both scenes and prints a table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for scene, content, loop in SCENES:
            whole_s = WARM_UP_S + duration_s + SPARE_S
            clip = write_clip(Path(folder, f"{loop}.mkv"), content(), whole_s)
            daemon_s, loop_s = _compare(loop, clip, duration_s)
            more = f"{(daemon_s - loop_s) / duration_s:+.2%}"
            ratio = f"{daemon_s / loop_s:.2f}"
            rows.append((scene, f"{daemon_s:.2f} s", f"{loop} {loop_s:.2f} s", ratio, more))
    print(f"CPU time in {duration_s:.0f} s\n")
    print(table(("scene", "daemon", "loop", "ratio", "more, of a core"), rows))


def main() -> None:
    """Measures, or plays a clip to one of the loops."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--loop", nargs=2, metavar=("NAME", "CLIP"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loop:
        LOOPS[arguments.loop[0]](Path(arguments.loop[1]))
    else:
        measure(arguments.seconds)


if __name__ == "__main__":
    main()
