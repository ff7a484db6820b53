"""The training task of the text model, on any data set mapped to GoEmotions' labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from converter.datasets import (
    brighter,
    dailydialog,
    dair_emotion,
    emoint,
    emotionlines,
    empathetic_dialogues,
    goemotions,
    isear,
    meld,
    mosei,
    own_texts,
    semeval2018,
    xed,
)
from converter.datasets.own_labels import OwnLabels
from converter.datasets.samples import Samples, concatenate
from converter.datasets.splits import Splits
from converter.datasets.texts import LABEL_OF, Texts, join
from converter.distillation.emoji import emoji_alone, emoji_meanings
from converter.distillation.phrases import phrases
from converter.networks import text as network
from converter.tasks.base import Layout, Schedule, Task, chosen, load_known
from edge.emotions import FloatArray
from edge.perception.interpreter import Features
from edge.perception.manifest import InputSpec, TextInput
from edge.perception.text_features import sparse_text_features, text_features, text_windows


def layouts(labels: OwnLabels = own_texts.STANDARD) -> tuple[Layout[list[Texts]], ...]:
    """Returns the layouts of text sets; `labels` are those of a user's own data."""
    return (
        (goemotions.matches, goemotions.load),
        (brighter.matches, brighter.load),
        (xed.matches, xed.load),
        (meld.matches, meld.load),
        (isear.matches, isear.load),
        (semeval2018.matches, semeval2018.load),
        (emoint.matches, emoint.load),
        (dailydialog.matches, dailydialog.load),
        (dair_emotion.matches, dair_emotion.load),
        (emotionlines.matches, emotionlines.load),
        (empathetic_dialogues.matches, empathetic_dialogues.load),
        (mosei.matches, mosei.load),
        (partial(own_texts.matches, labels=labels), partial(own_texts.load, labels=labels)),
    )


LAYOUTS = layouts()
KNOWN = (
    "GoEmotions (train.tsv, dev.tsv, labels.txt or emotions.txt), BRIGHTER (track_a/), "
    "XED (AnnotatedData/), MELD (train_sent_emo.csv …), ISEAR (isear.csv), "
    "SemEval-2018 E-c (E-c-En-train.txt …), EmoInt (anger-ratings-0to1.train.txt …), "
    "DailyDialog (dailydialog_train.json …), dair-ai emotion (train.txt, val.txt), "
    "EmotionLines (friends_train.json …), EmpatheticDialogues (train.csv with conv_id, context and "
    "prompt), CMU-MOSEI (CMU_MOSEI_Labels.csd), "
    "own texts (a .csv or "
    ".jsonl with text and label, a folder with train and test as such, or .txt files in one folder "
    "per emotion)"
)

# Greek, Armenian, Hebrew, Bengali, Tamil, Thai, Georgian, Hangul.
ALPHABETS = (
    range(0x3B1, 0x3CA),
    range(0x561, 0x587),
    range(0x5D0, 0x5EB),
    range(0x995, 0x9B0),
    range(0xBA8, 0xBBA),
    range(0xE01, 0xE2F),
    range(0x10D0, 0x10F1),
    range(0xAC00, 0xD7A4),
)
ENCODED = "encoded"
"""The label of a text that the encoder reads."""
BUCKETS = 49_152
# Number of texts in no language, as a share of the training texts.
NO_LANGUAGE_SHARE = 0.03


def ngram_input(buckets: int) -> TextInput:
    """Returns the input of a model that takes hashed n-grams in so many buckets."""
    return TextInput((buckets,), "unicode-3", (1, 2), (1, 5), max_characters=1000)


def garble(text: str, alphabet: Sequence[int], rng: np.random.Generator) -> str:
    """Replaces the letters of a text by others, so that its words are in no language."""
    factor, shift = (int(one) for one in rng.integers(1, len(alphabet), 2))
    letters = (alphabet[(ord(one) * factor + shift) % len(alphabet)] for one in text)
    return "".join(
        chr(letter) if one.isalpha() else " "
        for one, letter in zip(text, letters, strict=True)
        if one.isalpha() or one.isspace()
    )


class TextTask(Task):
    """Short texts in any language, any number of labels each.

    Uses the data sets named in `only`, by default all. The test texts of the others are left out
    of the training data as well.
    """

    modality = "text"
    names = LABEL_OF
    label_map = {
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "joy": "happy",
        "neutral": "neutral",
        "sadness": "sad",
        "surprise": "surprise",
        "curiosity": "neutral",
    }
    multi_label = True
    schedule = Schedule(epochs=3, batch_size=128, learning_rate=3e-3, patience=3)

    def __init__(
        self,
        only: Sequence[str] = (),
        map: Sequence[str] = (),  # noqa: A002 - as its option is called
    ) -> None:
        self._only = only
        self.map = map

    def load(self, data: Sequence[Path]) -> Splits:
        known = layouts(self.own_labels)
        refuse = partial(own_texts.refuse_unknown, labels=self.own_labels)
        sets = [one for path in data for one in load_known(path, known, KNOWN, refuse)]
        names = [one.dataset for one in sets]
        used = chosen(names, self._only)
        return self.settled(join(sets, [name for name in names if name not in used]))

    def input_spec(self, train: Samples) -> TextInput:
        return ngram_input(BUCKETS)

    def features(self, sample: Any, spec: InputSpec) -> FloatArray:
        assert isinstance(spec, TextInput)
        return text_features(sample, spec)

    def device_inputs(self, sample: Any, spec: InputSpec) -> Sequence[Features]:
        assert isinstance(spec, TextInput)
        return text_windows(sample, spec) if spec.pieces else [self.features(sample, spec)]

    def batch(self, samples: Sequence[Any], spec: InputSpec) -> Any:
        if not network.SPARSE:
            return super().batch(samples, spec)
        assert isinstance(spec, TextInput)
        return network.join([sparse_text_features(one, spec) for one in samples], spec.shape[0])

    def prepare(self, train: Samples, spec: InputSpec, seed: int) -> Samples:
        rng = np.random.default_rng(seed)
        no_language = self._in_no_language(train, rng)
        added = concatenate([no_language, self._phrases(train, rng)])
        return concatenate([train, added.with_labels(train.labels).labelled])

    def _phrases(self, train: Samples, rng: np.random.Generator) -> Samples:
        return phrases(len(train), ["phrases"], rng)

    def _in_no_language(self, train: Samples, rng: np.random.Generator) -> Samples:
        """Returns neutral texts in unseen scripts, which the model must not guess at.

        There are none if no label of the user's own data is *neutral*.
        """
        if "neutral" not in self.labels:
            return train.subset(np.zeros(0, np.intp))
        used = Counter("".join(train.inputs))
        few = len(train) // 1000
        unseen = [one for one in ALPHABETS if sum(used[chr(letter)] for letter in one) <= few]
        rows = rng.integers(0, len(train), round(len(train) * NO_LANGUAGE_SHARE) if unseen else 0)
        texts = [garble(train.inputs[row], unseen[rng.integers(len(unseen))], rng) for row in rows]
        targets = np.zeros((len(rows), len(self.labels)), np.float32)
        targets[:, self.labels.index("neutral")] = 1
        return replace(train.subset(rows), inputs=texts, targets=targets)

    def augment(self, sample: Any, rng: np.random.Generator) -> str:
        """Drops about one of seven words."""
        words = sample.split()
        return " ".join(word for word in words if rng.random() > 0.15) or sample

    def build(self, spec: InputSpec) -> keras.Model:
        assert isinstance(spec, TextInput)
        return network.build(spec.shape[0], len(self.labels))


class NgramsBesideEncoder(TextTask):
    """The n-grams of a text model whose encoder reads the texts of some data sets.

    Its last label is ENCODED: the texts of these sets, which are left to the encoder.
    """

    label_map = {**TextTask.label_map, ENCODED: None}

    def __init__(self, encoded: Sequence[str]) -> None:
        """`encoded` are the names of the encoder's data sets."""
        super().__init__()
        self._encoded = encoded

    def extended(self, splits: Splits) -> Splits:
        """Returns the splits with ENCODED as the label of the texts that the encoder reads."""
        parts = (self._extend(one) for one in (splits.train, splits.held_back, splits.test))
        train, held_back, test = parts
        return replace(splits, train=train, held_back=held_back, test=test)

    def _extend(self, samples: Samples) -> Samples:
        targets = np.pad(samples.targets, ((0, 0), (0, 1)))
        rows = samples.rows_of(self._encoded)
        targets[rows] = np.eye(len(self.labels), dtype=np.float32)[-1]
        return replace(samples, labels=self.labels, targets=targets)

    def _phrases(self, train: Samples, rng: np.random.Generator) -> Samples:
        """Returns phrases, which are English, as texts that the encoder reads.

        Emoji without words follow, with the labels of texts in other languages that contain them.
        """
        phrases = super()._phrases(train, rng)
        made = self._extend(replace(phrases, groups=(self._encoded[0],) * len(phrases)))
        encoded = train.rows_of(self._encoded)
        others = train.subset(np.setdiff1d(np.arange(len(train)), encoded))
        texts, targets = emoji_alone(emoji_meanings(others), made.targets[0], len(made), rng)
        return concatenate([made, replace(made, inputs=texts, targets=targets)])
