"""CMU-MOSEI: what people say to their own camera, and the emotions in it (Zadeh et al. 2018).

Reads CMU_MOSEI_Labels.csd, an HDF5 file with the intensities (0 to 3) of happiness, sadness, anger,
surprise, disgust and fear in each stretch of a video, and Transcript/Segmented/Combined/VIDEO.txt,
with a line `VIDEO___NUMBER___START___END___TEXT` for each. A sentence has all emotions that are
present in it; without any it is neutral. The split is by video, by the hash of its name.

Get both with https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK. The labels are free for
research; the videos belong to those who speak in them.
"""

from pathlib import Path

import h5py
import numpy as np

from converter.datasets.files import Root, children, find_root, read_text
from converter.datasets.samples import DatasetError
from converter.datasets.splits import tenth_of
from converter.datasets.texts import Row, Texts, split_as_published
from edge.emotions import FloatArray

DATASET = "CMU-MOSEI"
LICENCE = "research only (CMU-MOSEI)"
LABELS_FILE = "CMU_MOSEI_Labels.csd"
TRANSCRIPTS = ("Transcript/Segmented/Combined", "Raw/Transcript/Segmented/Combined")
INTENSITIES = ("joy", "sadness", "anger", "surprise", "disgust", "fear")
"""The columns of the labels after the first one, which is the sentiment."""
SEPARATOR = "___"
FIELDS = 5
TOLERANCE_S = 0.02
"""Times of labels and transcripts that differ by less are the same."""
SPLITS = ("without two tenths of the videos by hash", "held back", "a tenth of the videos by hash")
ANNOTATED = ("neutral", *INTENSITIES)

Labels = dict[str, tuple[FloatArray, FloatArray]]
"""By video: start and end of each stretch in seconds, and the intensities in it."""


def _root(path: Path) -> Root | None:
    return find_root(path, (), lambda folder: (folder / LABELS_FILE).is_file())


def matches(path: Path) -> bool:
    """Returns True if `path` is an unpacked folder with the file of labels."""
    return isinstance(_root(path), Path)


def load(path: Path) -> list[Texts]:
    """Loads the sentences; raises DatasetError."""
    root = Path(str(_root(path) or path))
    folder = next((root / name for name in TRANSCRIPTS if (root / name).is_dir()), None)
    if folder is None:
        raise DatasetError(f"{root}: expected {TRANSCRIPTS[0]} beside {LABELS_FILE}")
    labels, unusable = _read_labels(root / LABELS_FILE), list[str]()
    rows: dict[str, list[Row]] = {name: [] for name in SPLITS}
    for file in children(folder):
        video = Path(file.name).stem
        if video in labels:
            rows[_split(video)] += _read(file, *labels[video], unusable)
        else:
            unusable.append(f"{file}: no labels of this video")
    return [split_as_published(DATASET, LICENCE, ANNOTATED, rows, unusable)]


def _read_labels(file: Path) -> Labels:
    try:
        with h5py.File(file) as content:
            (sequence,) = content.values()
            return {
                name: (np.array(one["intervals"]), np.array(one["features"])[:, 1:])
                for name, one in sequence["data"].items()
            }
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise DatasetError(f"{file}: not the labels of CMU-MOSEI ({error})") from error


def _read(
    file: Root, intervals: FloatArray, intensities: FloatArray, unusable: list[str]
) -> list[Row]:
    rows = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        fields = line.split(SEPARATOR, FIELDS - 1)
        try:
            times_s = np.array([float(one) for one in fields[2:4]])
            text = fields[4]
            apart_s = np.abs(intervals - times_s).max(axis=1)
        except (ValueError, IndexError):
            unusable.append(f"{file}:{number}: not VIDEO___NUMBER___START___END___TEXT")
            continue
        nearest = int(apart_s.argmin()) if len(apart_s) else -1
        if nearest < 0 or apart_s[nearest] > TOLERANCE_S:
            unusable.append(f"{file}:{number}: no label for these seconds")
            continue
        present = intensities[nearest] > 0
        heard = tuple(one for one, is_heard in zip(INTENSITIES, present, strict=True) if is_heard)
        rows.append(Row(f"{file}:{number}", text, heard or ("neutral",)))
    return rows


def _split(video: str) -> str:
    return SPLITS[{0: 2, 1: 1}.get(tenth_of(video), 0)]
