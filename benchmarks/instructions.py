"""Counts the instructions that a sample costs: `python -m benchmarks.instructions [STAGE …]`.

Needs valgrind. Each stage runs in a process of its own under callgrind, once RUNS times and once
twice as often; the difference is the stage's. Counts do not depend on what else the machine does.
They say nothing about time: valgrind has no AVX-512, and instructions differ in what they take.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import count

import cv2
import numpy as np

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.kernels import Ears, Eyes
from benchmarks.harness.scenes import empty_room
from edge.capture.media import read_frames, read_sound
from edge.commands.terminal import table
from edge.config import Camera, Fusion, Models, Tracking
from edge.fusion.model import load_fusion
from edge.perception.loader import ModelLoader
from edge.resources import MODELS
from edge.tracking.tracker import Tracker
from edge.values import SAMPLE_RATE_HZ, AudioBlock, Frame, Observation, Sound

RUNS = 40
HALF_SECOND = SAMPLE_RATE_HZ // 2
COLLECTED = re.compile(r"Collected : (\d+)")
Action = Callable[[int], object]
"""Processes the sample with a number."""


def _frames() -> list[Frame]:
    return list(read_frames(HAPPY_CLIP, Camera().fps))


def _again(frames: list[Frame], index: int) -> Frame:
    """Returns the pictures again and again, at a time of their own."""
    return Frame(frames[index % len(frames)].pixels, index / Camera().fps)


def kernels_of_a_picture() -> Action:
    """Detect, crop, classify."""
    frames, eyes = _frames(), Eyes(ModelLoader(Models()))
    return lambda index: eyes(_again(frames, index))


def a_picture() -> Action:
    """The same in the daemon, with face tracker and quality."""
    frames, perception = _frames(), ModelLoader(Models()).new_face()
    return lambda index: perception.perceive(_again(frames, index))


def an_empty_picture() -> Action:
    """A picture of an empty room."""
    pictures, perception = empty_room()[0], ModelLoader(Models()).new_face()
    frames = [Frame(one, 0.0) for one in pictures]
    return lambda index: perception.perceive(_again(frames, index))


def a_decision() -> Action:
    """Fuse and track a face beside a voice."""
    frames, perception = _frames(), ModelLoader(Models()).new_face()
    sighting = perception.perceive(frames[0])
    fusion = load_fusion(MODELS / "fusion.json")
    tracker = Tracker(Tracking(), Fusion(), fusion, 0.0)
    probabilities = np.full(7, 1 / 7, np.float32)

    def decide(index: int) -> None:
        now_s = index / Camera().fps
        if not index % 15:
            tracker.observe(Observation("speech", 0, now_s, probabilities, 0.5), now_s)
        face = sighting.observations[0]
        seen = Observation("face", face.subject, now_s, face.probabilities, face.quality)
        tracker.observe(type(sighting)((seen,), 1, now_s, face.subject, sighting.tracked), now_s)
        tracker.pass_time(now_s)

    return decide


def _half_second(sound: Sound, index: int) -> Sound:
    return np.roll(sound, -index * HALF_SECOND)[:HALF_SECOND]


def kernels_of_half_a_second() -> Action:
    """Voice detector, mel bands, and the speech model if there is a voice."""
    sound, ears = read_sound(HAPPY_CLIP), Ears(ModelLoader(Models()))
    return lambda index: ears(_half_second(sound, index))


def _hearing(sound: Sound) -> Action:
    perception = ModelLoader(Models()).new_speech()
    return lambda index: perception.perceive(
        AudioBlock(_half_second(sound, index), (index + 1) / 2)
    )


def half_a_second_of_voice() -> Action:
    """The same in the daemon."""
    return _hearing(read_sound(HAPPY_CLIP))


def half_a_second_of_silence() -> Action:
    """Sound of a quiet room."""
    return _hearing(empty_room()[1])


STAGES: dict[str, Callable[[], Action]] = {
    one.__name__.replace("_", " "): one
    for one in (
        kernels_of_a_picture,
        a_picture,
        an_empty_picture,
        a_decision,
        kernels_of_half_a_second,
        half_a_second_of_voice,
        half_a_second_of_silence,
    )
}


def run(stage: str, runs: int) -> None:
    """Runs a stage."""
    cv2.setNumThreads(1)
    action, numbers = STAGES[stage](), count()
    for _ in range(runs):
        action(next(numbers))


def _collected(stage: str, runs: int) -> int:
    """Returns the instructions of a process that runs a stage."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command = [sys.executable, "-m", "benchmarks.instructions", "--run", stage, str(runs)]
    process = subprocess.run([*tool, *command], capture_output=True, text=True, check=True)
    found = COLLECTED.search(process.stderr)
    assert found is not None, process.stderr
    return int(found[1])


def main() -> None:
    """Counts, or runs a stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", default=list(STAGES))
    parser.add_argument("--run", nargs=2, metavar=("STAGE", "RUNS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments.run[0], int(arguments.run[1]))
        return
    rows = []
    for stage in arguments.stages:
        each = (_collected(stage, 2 * RUNS) - _collected(stage, RUNS)) / RUNS
        rows.append((stage, f"{each / 1e6:.2f}"))
    print(table(("stage", "million instructions"), rows))


if __name__ == "__main__":
    main()
