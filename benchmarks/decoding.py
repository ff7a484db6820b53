"""Measures the cost of decoding files in a process of their own.

python -m benchmarks.decoding
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.decoder import ContainedDecoder, Decoder, DirectDecoder
from edge.config import Files

REPEATS = 20
FPS = 15.0
PHOTOGRAPH = (4000, 3000)

Action = Callable[[Decoder], object]


def main() -> None:
    """Prints the shortest time of each kind of file, in this process and in another one."""
    direct = DirectDecoder(Files())
    with tempfile.TemporaryDirectory() as name:
        actions = _actions(Path(name), direct)
        started_s = time.monotonic()
        with ContainedDecoder(Files()) as contained:
            next(iter(actions.values()))(contained)
            first_s = time.monotonic() - started_s
            print(f"the first answer of a new process comes after {first_s * 1000:.0f} ms")
            for what, action in actions.items():
                here, there = (_shortest_ms(action, one) for one in (direct, contained))
                print(f"{what:24} {here:6.1f} ms here, {there:6.1f} ms in a process of its own")


def _actions(folder: Path, direct: Decoder) -> dict[str, Action]:
    small, large = folder / "small.png", folder / "large.jpg"
    pixels = next(iter(direct.frames(HAPPY_CLIP, FPS))).pixels
    cv2.imwrite(str(small), pixels)
    cv2.imwrite(str(large), cv2.resize(pixels, PHOTOGRAPH))
    return {
        "a picture of 480x360": lambda decoder: decoder.picture(small),
        "a photograph of 12 MP": lambda decoder: decoder.picture(large),
        "28 frames of 480x360": lambda decoder: list(decoder.frames(HAPPY_CLIP, FPS)),
        "1.9 s of sound": lambda decoder: decoder.sound(HAPPY_CLIP),
    }


def _shortest_ms(action: Action, decoder: Decoder) -> float:
    took = []
    for _ in range(REPEATS):
        started_s = time.monotonic()
        action(decoder)
        took.append(time.monotonic() - started_s)
    return min(took) * 1000


if __name__ == "__main__":
    main()
