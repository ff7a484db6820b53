"""Texts of nothing but emoji and emoticons, with the labels of the texts that contain them."""

import re
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from converter.datasets.samples import Samples
from edge.emotions import FloatArray
from edge.perception.ngrams import EMOTICONS
from edge.perception.symbols import EMOJI, EMOJI_NAMES, EMOTICON_NAMES

FACES = range(0x1F600, 0x1F650)
"""Unicode's block of emoji with faces."""
SYMBOLS = re.compile(rf"{EMOTICONS}|{EMOJI}", re.VERBOSE | re.IGNORECASE)
LEAST_TEXTS = 20
"""An emoji in fewer texts has no meaning of its own."""


def emoji_meanings(samples: Samples) -> dict[str, FloatArray]:
    """Returns the mean target, float32[labels], of the texts that contain an emoji or emoticon."""
    targets = defaultdict(list)
    for text, target in zip(samples.inputs, samples.targets, strict=True):
        for symbol in {found[0] for found in SYMBOLS.finditer(text)}:
            targets[symbol].append(target)
    often = {symbol: found for symbol, found in targets.items() if len(found) >= LEAST_TEXTS}
    return {symbol: np.mean(found, axis=0, dtype=np.float32) for symbol, found in often.items()}


def emoji_alone(
    meanings: Mapping[str, FloatArray], unknown: FloatArray, count: int, rng: np.random.Generator
) -> tuple[list[str], FloatArray]:
    """Returns texts of one to three emoji, some repeated, and their targets.

    Half of the texts are of emoji with a meaning, and have its mean; the others are of any, and
    have the target `unknown` unless one of them has a meaning.
    """
    every = list(dict.fromkeys([*map(chr, FACES), *EMOJI_NAMES, *EMOTICON_NAMES, *meanings]))
    texts, targets = [], []
    for number in range(count):
        known = list(meanings) if meanings and number % 2 else every
        kinds = [known[i] for i in rng.integers(0, len(known), rng.integers(1, 4))]
        repeated = [one * int(rng.integers(1, 5)) for one in kinds]
        texts.append((" " if rng.random() < 1 / 2 else "").join(repeated))
        of_kinds = [meanings[one] for one in kinds if one in meanings]
        targets.append(np.mean(of_kinds, axis=0) if of_kinds else unknown)
    return texts, np.array(targets, np.float32)
