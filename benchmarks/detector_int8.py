"""Quantizes the face detector to int8, and compares its recall with the float file's.

python benchmarks/detector_int8.py JAVED SFEW.zip RAF-DB.zip

The converter's own quantizer makes the int8 file, from pictures of RAF-DB and from frames of the
first half of JAVED's people. Tested are frames of JAVED's other people, and SFEW's faces, at
FACE_PX in a frame of VGA size; then the same smaller, turned and in the dark. A face is found if a
box lies where the float file finds it in the unchanged frame.
"""

import argparse
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.optimize import calibrator

from converter.importing.graph import Graph
from converter.importing.lite import read_tflite, round_depthwise
from edge.capture.media import decode_picture, read_frames
from edge.commands.terminal import table
from edge.config import Face
from edge.perception.detector import BlazeFace, Detector, letterbox
from edge.perception.features import Pixels, image_features
from edge.perception.manifest import ImageInput
from edge.perception.pack import Pack, load_pack
from edge.resources import MODELS

WIDTH_PX, HEIGHT_PX, FACE_PX = 640, 480, 240
FRAMES_PER_CLIP = 1
CALIBRATION_PICTURES = 100
"""Of RAF-DB, beside the frames."""
SFEW_PICTURES = 100
DARK, NOISE = 0.12, 3.0
"""Brightness, and deviation of the noise in grey levels."""
CONDITIONS = {
    "unchanged": (1.0, 0, 1.0),
    "two thirds as large": (0.67, 0, 1.0),
    "half as large": (0.5, 0, 1.0),
    "turned by 30°": (1.0, 30, 1.0),
    "turned by 60°": (1.0, 60, 1.0),
    "in the dark": (1.0, 0, DARK),
    "half as large, turned by 30°, in the dark": (0.5, 30, DARK),
}
"""Scale, degrees, brightness."""


def _framed(picture: Pixels) -> Pixels:
    """Puts a picture of a face into a frame."""
    large = cv2.resize(picture, (FACE_PX, FACE_PX), interpolation=cv2.INTER_CUBIC)
    across, down = (WIDTH_PX - FACE_PX) // 2, (HEIGHT_PX - FACE_PX) // 2
    border = cv2.BORDER_REPLICATE  # a hard edge around the face would help the detector
    return np.asarray(cv2.copyMakeBorder(large, down, down, across, across, border), np.uint8)


def _zipped(path: Path, most: int) -> Iterator[Pixels]:
    """Yields framed pictures of a zip file, spread evenly."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".jpg", ".png")))
        chosen = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).astype(int))
        for name in (names[index] for index in chosen):
            yield _framed(decode_picture(archive.read(name), name))


def _speaker(clip: Path) -> str:
    return clip.name.split("-")[0]


def _people(folder: Path, speakers: Sequence[str]) -> Iterator[Pixels]:
    """Yields frames of the clips of these people."""
    for clip in sorted(folder.glob("video/*.mp4")):
        if _speaker(clip) in speakers:
            frames = [one.pixels for one in read_frames(clip, 5.0)]
            for index in np.linspace(0, len(frames) - 1, FRAMES_PER_CLIP).astype(int):
                yield np.asarray(cv2.resize(frames[index], (WIDTH_PX, HEIGHT_PX)), np.uint8)


def _changed(
    frame: Pixels, scale: float, angle: float, brightness: float
) -> tuple[Pixels, npt.NDArray[Any]]:
    """Returns the frame under a condition, and the float64[2, 3] map of its points."""
    matrix = cv2.getRotationMatrix2D((WIDTH_PX / 2, HEIGHT_PX / 2), angle, scale)
    moved = cv2.warpAffine(frame, matrix, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REPLICATE)
    if brightness < 1:
        noise = np.random.default_rng(0).normal(0, NOISE, moved.shape)
        moved = (moved * brightness + noise).clip(0, 255).astype(np.uint8)
    return np.asarray(moved, np.uint8), matrix


def _finds(detector: Detector, frame: Pixels, centre: npt.NDArray[Any], width: float) -> bool:
    """Returns True if a face of about that width is found about there."""
    for face in detector.detect(frame):
        left, top, right, bottom = face.box.tolist()
        found = np.array([(left + right) / 2, (top + bottom) / 2])
        if np.abs(found - centre).max() < width / 2 and 0.5 < (right - left) / width < 2:
            return True
    return False


def _recalls(frames: Sequence[Pixels], detectors: Sequence[Detector]) -> Iterator[list[float]]:
    """Yields the share of faces that each detector finds, by condition, and how many there are."""
    known = [(frame, faces[0]) for frame in frames if (faces := detectors[0].detect(frame))]
    for scale, angle, brightness in CONDITIONS.values():
        found = np.zeros((len(known), len(detectors)), bool)
        for row, (frame, face) in zip(found, known, strict=True):
            moved, matrix = _changed(frame, scale, angle, brightness)
            left, top, right, bottom = face.box.tolist()
            centre = matrix @ [(left + right) / 2, (top + bottom) / 2, 1]
            row[:] = [_finds(one, moved, centre, (right - left) * scale) for one in detectors]
        yield [len(known), *found.mean(axis=0).tolist()]


def _heads(model: bytes) -> list[str]:
    """Names the last convolutions and what follows, which stay float.

    Logits lie between -444 and 3, so that a step of int8 would be as large as all that matters.
    """
    graph = Graph(model)
    wanted, names = set(graph.outputs), []
    for name, operator in reversed(graph.operators):
        if wanted & {int(one) for one in operator.outputs}:
            names += [bytes(graph.tensors[int(one)].name).decode() for one in operator.outputs]
            wanted |= set() if name == "CONV_2D" else {int(one) for one in operator.inputs}
    return names


def _quantized(pack: Pack, frames: Sequence[Pixels]) -> bytes:
    assert isinstance(pack.manifest.input, ImageInput)
    size, spec = pack.manifest.input.shape[0], pack.manifest.input
    features = [image_features(letterbox(one, size)[0], spec) for one in frames]
    model = round_depthwise(read_tflite(pack.path, None).model)
    observed = calibrator.Calibrator(calibrator.add_intermediate_tensors(model))
    calibrated = observed.calibrate(lambda: ([one[None]] for one in features))
    quantized: bytes = mlir_quantize(calibrated, denylisted_nodes=_heads(calibrated))
    return quantized


def main() -> None:
    """Quantizes, and prints recall by condition."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("people", "faces", "calibration"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    pack = load_pack(MODELS / "detector-short.json")
    speakers = sorted({_speaker(one) for one in arguments.people.glob("video/*.mp4")})
    half = len(speakers) // 2
    calibration = [*_people(arguments.people, speakers[:half])]
    calibration += _zipped(arguments.calibration, CALIBRATION_PICTURES)
    model = _quantized(pack, calibration)
    print(
        f"{len(calibration)} pictures to calibrate; int8 {len(model)} bytes, float "
        f"{len(pack.model)}"
    )
    whole = msgspec.structs.replace(pack, model=model)
    detectors = [BlazeFace(one, Face().min_detection_score) for one in (pack, whole)]
    for name, frames in (
        ("JAVED", [*_people(arguments.people, speakers[half:])]),
        ("SFEW", [*_zipped(arguments.faces, SFEW_PICTURES)]),
    ):
        rows = [
            (condition, f"{n}", f"{a:.1%}", f"{b:.1%}")
            for condition, (n, a, b) in zip(CONDITIONS, _recalls(frames, detectors), strict=True)
        ]
        print(name, "\n", table(("", "faces", "float", "int8"), rows), sep="")


if __name__ == "__main__":
    main()
