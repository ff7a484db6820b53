"""Measures how far the face model's quality drops for pictures unlike those it knows.

python benchmarks/familiarity.py DATA [DATA …]: the test pictures of face sets as they are, and
changed so that less and less of a face is left.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from converter.tasks.face import FaceTask
from edge.commands.terminal import table
from edge.perception.classifier import Classifier
from edge.perception.features import Pixels, image_features, resized
from edge.perception.manifest import ImageInput
from edge.perception.pack import load_pack
from edge.resources import MODELS

PICTURES = 300
SIDE = 96
LOW = 0.5
"""Familiarity below which a picture counts much less."""


def _turned(degrees: float) -> Callable[[Pixels, np.random.Generator], Pixels]:
    centre = ((SIDE - 1) / 2, (SIDE - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1)

    def turn(picture: Pixels, rng: np.random.Generator) -> Pixels:
        turned = cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(turned, np.uint8)

    return turn


def _covered(half: slice) -> Callable[[Pixels, np.random.Generator], Pixels]:
    def cover(picture: Pixels, rng: np.random.Generator) -> Pixels:
        covered = np.array(picture, np.uint8)
        covered[half] = rng.integers(0, 256)
        return covered

    return cover


def _dark(picture: Pixels, rng: np.random.Generator) -> Pixels:
    return np.clip(0.1 * picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)


def _blurred(picture: Pixels, rng: np.random.Generator) -> Pixels:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 9), np.uint8)


def _corner(picture: Pixels, rng: np.random.Generator) -> Pixels:
    return np.asarray(cv2.resize(picture[:28, :28], (SIDE, SIDE)), np.uint8)


def _texture(picture: Pixels, rng: np.random.Generator) -> Pixels:
    coarse = rng.integers(0, 256, (8, 8), np.uint8)
    return np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _noise(picture: Pixels, rng: np.random.Generator) -> Pixels:
    return rng.integers(0, 256, picture.shape, np.uint8)


CHANGES: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "as it is": lambda picture, rng: picture,
    "turned by 30°": _turned(30),
    "turned by 90°": _turned(90),
    "turned by 180°": _turned(180),
    "lower half covered": _covered(slice(SIDE // 2, None)),
    "upper half covered": _covered(slice(None, SIDE // 2)),
    "in the dark, with noise": _dark,
    "blurred": _blurred,
    "its corner, enlarged": _corner,
    "a texture": _texture,
    "noise": _noise,
}


def main() -> None:
    """Prints for each change the median familiarity and the share of pictures below LOW."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--pack", type=Path, default=MODELS / "face.json")
    arguments = parser.parse_args()
    classifier = Classifier(load_pack(arguments.pack))
    spec = classifier.manifest.input
    assert isinstance(spec, ImageInput)
    test = FaceTask().load(arguments.data).test.labelled
    rng = np.random.default_rng(0)
    rows = []
    for name, change in CHANGES.items():
        cells = []
        for dataset in dict.fromkeys(test.groups):
            own = test.rows_of({dataset})
            chosen = rng.choice(own, min(PICTURES, len(own)), replace=False)
            crops = [resized(test.inputs[row], SIDE, SIDE) for row in chosen]
            found = np.array(
                [
                    classifier.classify(image_features(change(one, rng), spec)).familiarity
                    for one in crops
                ]
            )
            cells.append(f"{np.median(found):.2f} ({(found < LOW).mean():.0%})")
        rows.append((name, *cells))
    print(f"median familiarity (share below {LOW}), at most {PICTURES} test pictures a set\n")
    print(table(("", *dict.fromkeys(test.groups)), rows))


if __name__ == "__main__":
    main()
