"""Short English sentences in which someone denies a feeling.

A bag of n-grams picks up the feeling itself, and data sets have too few such sentences.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from converter.datasets.samples import Samples
from converter.datasets.texts import Row, to_samples

FEELINGS = {
    "anger": "angry mad annoyed furious upset irritated offended",
    "disgust": "disgusted grossed repulsed",
    "fear": "afraid scared worried nervous anxious frightened terrified",
    "joy": "happy glad pleased satisfied impressed delighted thrilled amused excited",
    "sadness": "sad lonely depressed unhappy hurt heartbroken disappointed",
    "surprise": "surprised shocked amazed astonished",
}
SHARE = 0.03
"""Number of denials, as a share of the number of other training texts."""
DENIED = {"joy": ("anger", "sadness")}
"""The labels of a denied feeling; any other feeling, denied, is neutral."""
WHO = (
    *("I'm not", "I am not", "I was not", "I wasn't", "we're not", "she is not", "he isn't"),
    *("they aren't", "I don't feel", "I'm no longer", "nobody is"),
)
HOW = ("", "really", "so", "very", "at all", "that", "even")
END = (
    *("", ".", "!", "at all.", "about it.", "with this.", "of you.", "anymore.", "any more", "now"),
    *("today.", "here."),
)


def denials(count: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields `count` random sentences, each with its labels."""
    names = list(FEELINGS)
    for _ in range(count):
        feeling = names[rng.integers(len(names))]
        parts = (WHO, HOW, FEELINGS[feeling].split(), END)
        words = (str(rng.choice(part)) for part in parts)
        yield " ".join(filter(None, words)), DENIED.get(feeling, ("neutral",))


def denied(texts: int, groups: Sequence[str], rng: np.random.Generator) -> Samples:
    """Returns denials to train on along with `texts` other texts, dealt to the groups in turn."""
    rows = [Row("denials", *one) for one in denials(max(round(texts * SHARE), 1), rng)]
    samples = to_samples("denials", rows, [])
    return replace(samples, groups=tuple(groups[i % len(groups)] for i in range(len(samples))))
