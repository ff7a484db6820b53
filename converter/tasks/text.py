"""Training the text model on GoEmotions in the Ekman grouping."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from converter.datasets import brighter, goemotions, isear, meld, own_texts, xed
from converter.datasets.texts import Texts, join
from converter.networks import text as network
from converter.samples import Samples, Splits
from converter.tasks.base import Layout, Schedule, Task, load_known
from edge.emotions import FloatArray
from edge.perception.features import text_features
from edge.perception.pack import InputSpec, TextInput

LAYOUTS: tuple[Layout[list[Texts]], ...] = (
    (goemotions.is_here, goemotions.load),
    (brighter.is_here, brighter.load),
    (xed.is_here, xed.load),
    (meld.is_here, meld.load),
    (isear.is_here, isear.load),
    (own_texts.is_here, own_texts.load),
)
KNOWN = (
    "GoEmotions (train.tsv, dev.tsv, labels.txt or emotions.txt), BRIGHTER (track_a/), "
    "XED (AnnotatedData/), MELD (train_sent_emo.csv …), ISEAR (isear.csv), own texts (a .csv or "
    ".jsonl with text and label, or a folder with train and test as such)"
)


class TextTask(Task):
    """Short English texts, any number of the seven labels each."""

    modality = "text"
    label_map = {
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "joy": "happy",
        "neutral": "neutral",
        "sadness": "sad",
        "surprise": "surprise",
    }
    multi_label = True
    schedule = Schedule(epochs=4, batch_size=128, learning_rate=3e-3, patience=4)

    def load(self, data: Sequence[Path]) -> Splits:
        return join([one for path in data for one in load_known(path, LAYOUTS, KNOWN)])

    def input_spec(self, train: Samples) -> TextInput:
        return TextInput((16384,), word_ngrams=(1, 2), character_ngrams=(3, 4), max_characters=1000)

    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        assert isinstance(spec, TextInput)
        return text_features(sample, spec)

    def augment(self, sample: Any, rng: np.random.Generator) -> str:
        """The text with about a tenth of its words left out."""
        words = sample.split()
        return " ".join(word for word in words if rng.random() > 0.1) or sample

    def network(self, spec: InputSpec, second_labels: int = 0) -> keras.Model:
        assert isinstance(spec, TextInput)
        return network.build(spec.shape[0], len(self.labels))
