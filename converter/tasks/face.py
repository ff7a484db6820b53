"""The training task of the face model, on FER+ above all."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from converter.datasets import (
    afew,
    affectnet,
    expw,
    face_clips,
    face_sets,
    fer2013,
    ferplus,
    kdef,
    own_faces,
    rafdb,
)
from converter.datasets.face_folders import CORPORA
from converter.datasets.own_labels import OwnLabels
from converter.datasets.pictures import LABEL_OF
from converter.datasets.samples import Samples
from converter.datasets.splits import Splits
from converter.networks import face as mobilenet
from converter.networks import face_cnn as cnn
from converter.options import FaceNetwork
from converter.tasks import augment_pictures
from converter.tasks.base import Layout, Schedule, Task, chosen, load_known
from edge.emotions import FloatArray
from edge.perception.features import Pixels, image_features
from edge.perception.manifest import ImageInput, InputSpec


def layouts(labels: OwnLabels = own_faces.STANDARD) -> tuple[Layout[Splits], ...]:
    """Returns the layouts of face sets; `labels` are those of a user's own data."""
    return (
        (ferplus.matches, ferplus.load),
        (rafdb.matches, rafdb.load),
        (face_clips.matches, face_clips.load),
        *((one.matches, one.load) for one in CORPORA),
        (kdef.matches, kdef.load),
        (affectnet.matches, affectnet.load),
        (expw.matches, expw.load),
        (afew.matches, afew.load),
        (fer2013.matches, fer2013.load),
        (partial(own_faces.matches, labels=labels), partial(own_faces.load, labels=labels)),
    )


LAYOUTS = layouts()
KNOWN = (
    "FER+ (FER2013Train/label.csv), "
    "FER2013 (fer2013.csv, or train/ and test/ with one folder per emotion), "
    "RAF-DB (EmoLabel/list_patition_label.txt), "
    + ", ".join(f"{one.dataset} (one folder per emotion with {one.hint})" for one in CORPORA)
    + ", KDEF (AF01ANS.JPG …), AffectNet (training.csv, train_set/ or train/0/), "
    "ExpW (label/label.lst), AFEW (Train_AFEW/, Val_AFEW/)"
    ", clips (an unpacked folder with labels.csv: file, emotion and speaker of each video)"
    ", own pictures (one folder per emotion, in train/, val/ and test/ or in one folder per "
    "person or not; or labels.csv: file and emotion)"
)
NETWORKS: dict[FaceNetwork, Callable[..., keras.Model]] = {
    "mobilenet": mobilenet.build,
    "cnn": cnn.build,
}


@dataclass
class FaceTask(Task):
    """Square grey crops, labelled by the votes of FER+'s annotators, or one label each.

    Joined data sets keep the labels that each has: no picture counts against a label that its
    annotators could not choose.
    """

    side: int = 96
    """Side of the network's input, in pixels."""
    width: float = 1.0
    """Factor of every channel count of the network."""
    size: mobilenet.Size = "small"
    network: FaceNetwork = "mobilenet"
    map: Sequence[str] = ()
    only: Sequence[str] = ()
    """Names of the data sets to use, by default all."""

    modality = "face"
    names = LABEL_OF
    label_map = {
        "neutral": "neutral",
        "happiness": "happy",
        "surprise": "surprise",
        "sadness": "sad",
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "contempt": None,
    }
    balances_labels = True
    rates_familiarity = True
    source_shift = 1.4  # docs/training.md has what was measured by leaving sources out
    schedule = Schedule(
        epochs=12,
        batch_size=128,
        learning_rate=7e-4,
        patience=12,
        weight_decay=0.05,
        largest_gradient=1.0,
        keep_last=True,  # of several sets, which differ in size and difficulty
        mixup=0.1,
    )
    fine_tuning = msgspec.structs.replace(
        schedule,
        epochs=4,
        batch_size=32,
        learning_rate=3e-4,
        least_batches=25,
        mixup=0.0,
        trained_layers=5,  # of a MobileNet two blocks and the classifier
    )

    def load(self, data: Sequence[Path]) -> Splits:
        return self.settled(face_sets.join(self._sets(data)))

    def load_all(self, data: Sequence[Path]) -> Splits:
        return self.settled(face_sets.join_all(self._sets(data)))

    def _sets(self, data: Sequence[Path]) -> list[Splits]:
        labels = self.own_labels
        refuse = partial(own_faces.refuse_unknown, labels=labels)
        sets = [load_known(path, layouts(labels), KNOWN, refuse) for path in data]
        names = chosen([one.dataset for one in sets], self.only)
        return [one for one in sets if one.dataset in names]

    def sample_weights(self, samples: Samples) -> FloatArray | None:
        """Draws data sets by the square root of their size, so that a small one is seen."""
        sizes = Counter(samples.groups)
        if len(sizes) == 1:
            return None
        weights = np.array([sizes[group] ** -0.5 for group in samples.groups])
        return np.asarray(weights / weights.sum())

    def input_spec(self, train: Samples) -> ImageInput:
        return ImageInput((self.side, self.side, 1), "grey", "standardized")

    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        assert isinstance(spec, ImageInput)
        return image_features(sample, spec)

    def augment(self, sample: Any, rng: np.random.Generator) -> Pixels:
        return augment_pictures.augment(sample, rng)

    def build(self, spec: InputSpec) -> keras.Model:
        assert isinstance(spec, ImageInput)
        build = NETWORKS[self.network]
        return build(spec.shape, len(self.labels), self.width, self.size)
