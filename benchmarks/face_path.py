"""Measures the accuracy that detection and alignment cost, and accuracy by `quality`.

python benchmarks/face_path.py path/to/FERPlus.zip: held-back pictures are placed in a frame of VGA
size and processed as a camera's; they are compared with the crops as published.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from converter.tasks.face import FaceTask
from edge.commands.terminal import table
from edge.config import Models
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.values import Frame

FRAME_WIDTH_PX, FRAME_HEIGHT_PX, FACE_PX = 640, 480, 240
QUALITIES = (0.0, 0.3, 0.6, 0.8, 0.9, 1.01)


def _frame(picture: Pixels) -> Frame:
    large = cv2.resize(picture, (FACE_PX, FACE_PX), interpolation=cv2.INTER_CUBIC)
    across, down = (FRAME_WIDTH_PX - FACE_PX) // 2, (FRAME_HEIGHT_PX - FACE_PX) // 2
    # Repeats the border, because a hard edge around the face would help the detector.
    framed = cv2.copyMakeBorder(large, down, down, across, across, cv2.BORDER_REPLICATE)
    return Frame(np.asarray(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR), np.uint8), 0.0)


def main() -> None:
    """Prints accuracy with and without the device's detection and alignment, and by quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    samples = FaceTask().load([parser.parse_args().data]).held_back.labelled
    loader = ModelLoader(Models())
    right_whole, right_found, qualities = [], [], []
    for picture, truth in zip(samples.inputs, samples.majority, strict=True):
        perception, label = loader.new_face(), samples.labels[truth]
        seen = perception.perceive(_frame(picture)).primary
        if seen is None:
            continue
        colour = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
        whole = perception.perceive_crop(Frame(colour, 0.0)).native
        right_whole.append(max(whole, key=whole.__getitem__) == label)
        right_found.append(max(seen.native, key=seen.native.__getitem__) == label)
        qualities.append(seen.quality)
    print(
        f"{len(samples)} held-back pictures of FER+, a face found in {len(qualities)}; accuracy on "
        f"those:\nas published {np.mean(right_whole):.1%}, "
        f"detected and aligned {np.mean(right_found):.1%}\n"
    )
    bins = np.digitize(qualities, QUALITIES)
    rows = [
        (
            f"{low:.1f} to {min(high, 1.0):.1f}",
            str((bins == index).sum()),
            f"{np.mean(np.array(right_found)[bins == index]):.1%}",
        )
        for index, (low, high) in enumerate(pairwise(QUALITIES), 1)
    ]
    print(table(("quality", "pictures", "accuracy"), rows))


if __name__ == "__main__":
    main()
