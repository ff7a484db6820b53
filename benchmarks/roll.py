"""Measures what a head's roll costs: answers and quality of sample clips turned step by step.

python benchmarks/roll.py: every fifth picture of the six clips of samples/ is turned clockwise
within a larger picture, and read like a camera's first. `as upright` is the share whose emotion is
the same as in the picture that is not turned; `sure but wrong` counts other answers of at least
SURE_PROBABILITY at a quality of at least SURE_QUALITY.
"""

import argparse
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np

from edge.capture.media import read_frames
from edge.commands.terminal import table
from edge.config import Face, Models
from edge.emotions import EMOTIONS
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.resources import SAMPLES
from edge.values import Frame, Observation

STEP_DEG = 15
PICTURES_PER_SAMPLE = 5
SURE_PROBABILITY, SURE_QUALITY = 0.6, 0.4


def rolled(pixels: Pixels, degrees: float) -> Pixels:
    """Turns a picture clockwise within a square that holds all of it, borders repeated."""
    height, width = pixels.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += [(side - width) / 2, (side - height) / 2]
    turned = cv2.warpAffine(pixels, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _pictures() -> Iterator[Pixels]:
    for clip in sorted(SAMPLES.glob("*.mkv")):
        yield from (
            one.pixels for one in islice(read_frames(clip, 30.0), 0, None, PICTURES_PER_SAMPLE)
        )


def _row(degrees: int, pairs: list[tuple[Observation, Observation | None]]) -> tuple[str, ...]:
    found = [(upright, seen) for upright, seen in pairs if seen is not None]
    same = [_emotion(upright) == _emotion(seen) for upright, seen in found]
    qualities = [seen.quality for _, seen in found]
    wrong = sum(
        not equal and seen.probabilities.max() >= SURE_PROBABILITY and seen.quality >= SURE_QUALITY
        for equal, (_, seen) in zip(same, found, strict=True)
    )
    return (
        str(degrees),
        f"{len(found) / len(pairs):.0%}",
        f"{np.mean(same):.0%}" if found else "-",
        f"{np.median(qualities):.2f}" if found else "-",
        f"{min(qualities):.2f}" if found else "-",
        str(wrong),
    )


def _emotion(observation: Observation) -> str:
    return EMOTIONS[int(observation.probabilities.argmax())]


def main() -> None:
    """Prints found faces, agreement with the upright answer, and quality by roll."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector", choices=["short", "full"], default="short")
    loader = ModelLoader(Models(face=Face(detector=parser.parse_args().detector)))

    def read(pixels: Pixels) -> Observation | None:
        return loader.new_face().perceive(Frame(pixels, 0.0)).primary

    upright = [(one, seen) for one in _pictures() if (seen := read(one)) is not None]
    rows = [
        _row(degrees, [(seen, read(rolled(one, degrees))) for one, seen in upright])
        for degrees in range(0, 360, STEP_DEG)
    ]
    print(f"{len(upright)} pictures of six clips\n")
    heads = ("roll", "found", "as upright", "quality", "lowest", "sure but wrong")
    print(table(heads, rows))


if __name__ == "__main__":
    main()
