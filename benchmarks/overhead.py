"""Measures what the daemon costs beside its kernels: `python -m benchmarks.overhead`.

The sample clips, one after another, play as camera and microphone for a minute: to the whole
daemon, with a broker, and at the same time to a bare loop that only decodes, detects, crops,
classifies, listens and infers, at the same rates. Then an empty room plays, in silence, to the
daemon and to a loop that only reads the devices. CPU time of the processes is compared, which other
programs disturb less than the time on the clock.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from benchmarks.harness.device import NAME, device
from benchmarks.harness.kernels import Ears, Eyes
from benchmarks.harness.scenes import empty_room, people, write_clip
from benchmarks.harness.subscriber import Subscriber
from edge.capture.media import read_frames, read_sound
from edge.commands.terminal import table
from edge.config import Camera, Models
from edge.perception.loader import ModelLoader
from edge.perception.voice import FRAMES_PER_S, HOP_FRAMES
from edge.values import SAMPLE_RATE_HZ, Frame, Sound

WARM_UP_S = 10.0
"""Time for models and connection, which counts for neither side."""
INTERVAL_S = 5.0
"""Interval of the daemon's health messages."""
SPARE_S = 20.0
"""What a clip is longer than both, so that none ends early."""
SCENES = (
    ("people who speak", people, "bare"),
    ("nobody, silence", empty_room, "devices"),
)
"""Each with the loop that the daemon is compared with."""


def _play(
    clip: Path, duration_s: float, see: Callable[[Frame], None], hear: Callable[[Sound], None]
) -> None:
    """Reads a clip in its own time, picture by picture and half second by half second.

    Prints what the seconds after the warm-up took, even if they came late on a busy machine.
    """
    sound, started_s, heard = read_sound(clip), time.monotonic(), 0
    length = HOP_FRAMES * SAMPLE_RATE_HZ // FRAMES_PER_S
    cpu_s, pictures = 0.0, 0
    for frame in read_frames(clip, Camera().fps):
        time.sleep(max(started_s + frame.captured_s - time.monotonic(), 0))
        if frame.captured_s >= WARM_UP_S + duration_s:
            break
        if frame.captured_s >= WARM_UP_S:
            cpu_s, pictures = cpu_s or time.process_time(), pictures + 1
        see(frame)
        if heard + length <= frame.captured_s * SAMPLE_RATE_HZ:
            hear(sound[heard : heard + length])
            heard += length
    print(time.process_time() - cpu_s, pictures)


def play_bare(clip: Path, duration_s: float) -> None:
    """Runs the kernels alone."""
    cv2.setNumThreads(1)  # cheapest: a pool of threads costs more than such small pictures
    loader = ModelLoader(Models())
    _play(clip, duration_s, Eyes(loader), Ears(loader))


def play_devices(clip: Path, duration_s: float) -> None:
    """Reads the devices alone."""
    _play(clip, duration_s, lambda frame: None, lambda sound: None)


LOOPS = {"bare": play_bare, "devices": play_devices}


def _cpu_s(pid: int) -> float:
    """Returns the CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _loop(name: str, clip: Path, duration_s: float) -> Iterator[subprocess.Popen[str]]:
    """Runs a loop as a process."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--loop", name, str(clip)]
    command += ["--seconds", str(duration_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _pictures(subscriber: Subscriber, duration_s: float) -> float:
    """Waits, and returns how many pictures the daemon looks at meanwhile; it drops late ones."""
    health = (
        json.loads(subscriber.until(f"{NAME}/health", timeout_s=10 * INTERVAL_S)[-1][1])
        for _ in range(round(duration_s / INTERVAL_S))
    )
    return sum(float(one["data"]["stages"]["face"]["per_s"]) * INTERVAL_S for one in health)


def _compare(name: str, clip: Path, duration_s: float) -> list[tuple[float, float]]:
    """Returns CPU seconds and pictures of the daemon and of a loop that play a clip."""
    source = {"source": str(clip)}
    with (
        device(INTERVAL_S, camera=source, microphone=source) as (pid, subscriber, _),
        _loop(name, clip, duration_s) as loop,
    ):
        _pictures(subscriber, WARM_UP_S)
        before_s = _cpu_s(pid)
        pictures = _pictures(subscriber, duration_s)
        daemon = _cpu_s(pid) - before_s, pictures
        assert loop.stdout is not None
        loop_s, loop_pictures = map(float, loop.stdout.readline().split())
        return [daemon, (loop_s, loop_pictures)]


def measure(duration_s: float) -> None:
    """Measures both scenes and prints a table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for scene, content, loop in SCENES:
            whole_s = WARM_UP_S + duration_s + SPARE_S
            clip = write_clip(Path(folder, f"{loop}.mkv"), content(), whole_s)
            compared = _compare(loop, clip, duration_s)
            (daemon_s, seen), (loop_s, all_seen) = compared
            cells = [f"{cpu_s:.2f} s, {pictures:.0f}" for cpu_s, pictures in compared]
            ratio = daemon_s / seen / (loop_s / all_seen)
            more = (daemon_s - loop_s) / duration_s
            rows.append((scene, cells[0], f"{loop} {cells[1]}", f"{ratio:.2f}", f"{more:+.2%}"))
    print(f"CPU time in {duration_s:.0f} s of clip, and pictures looked at\n")
    print(table(("scene", "daemon", "loop", "ratio per picture", "more, of a core"), rows))


def main() -> None:
    """Measures, or plays a clip to one of the loops."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--loop", nargs=2, metavar=("NAME", "CLIP"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loop:
        LOOPS[arguments.loop[0]](Path(arguments.loop[1]), arguments.seconds)
    else:
        measure(arguments.seconds)


if __name__ == "__main__":
    main()
