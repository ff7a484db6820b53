"""Small face sets in their published layouts."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from converter.datasets.splits import Splits
from converter.tasks.base import load_known
from converter.tasks.face import KNOWN, LAYOUTS
from edge.perception.features import Pixels

RNG = np.random.default_rng(0)


def picture(side: int = 48) -> Pixels:
    """A picture that resembles no other one."""
    return np.asarray(cv2.resize(RNG.integers(0, 256, (8, 8), np.uint8), (side, side)), np.uint8)


def write(file: Path, pixels: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def raf_db(root: Path, rows: Mapping[str, int], missing: tuple[str, ...] = ()) -> Path:
    """A tree in the layout of RAF-DB's basic part."""
    for name in rows:
        if name not in missing:
            aligned = root / "basic" / "Image" / "aligned" / f"{name}_aligned.png"
            write(aligned, np.repeat(picture(100)[:, :, None], 3, axis=2))
    table = root / "basic" / "EmoLabel" / "list_patition_label.txt"
    table.parent.mkdir(parents=True)
    table.write_text("".join(f"{name}.png {label}\n" for name, label in rows.items()))
    return root


def emotion_folders(root: Path, names: Mapping[str, list[str]]) -> Path:
    for emotion, files in names.items():
        for file in files:
            write(root / emotion / file, picture())
    return root


PACKINGS = ("folder", "zip", "zip in a folder", "wrapper in a zip")


def pack(root: Path, packing: str) -> Path:
    """A data set as its user may have it."""
    if packing == "folder":
        return root
    folder = root.parent / "packed"
    folder.mkdir()
    base = root.name if packing.startswith("wrapper") else None
    file = shutil.make_archive(
        str(folder / "faces"), "zip", root if not base else root.parent, base
    )
    (folder / ".DS_Store").write_bytes(b"hidden")
    return folder if packing == "zip in a folder" else Path(file)


def load(path: Path) -> Splits:
    """One data set, before it is joined."""
    return load_known(path, LAYOUTS, KNOWN)


def own_set(root: Path, *emotions: str, of_each: int = 6, prefix: str = "") -> Path:
    for split in ("train", "val", "test"):
        files = [f"{prefix}{number}.png" for number in range(of_each)]
        emotion_folders(root / split, dict.fromkeys(emotions, files))
    return root
