"""Reads the sentence that describes a model's input, such as `96x96 rgb 0..1`."""

import re
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from converter.importing.original import ModelImportError

EXAMPLES = {
    "face": '--input "96x96 rgb 0..1"',
    "speech": '--input "128x64 log_mel db window=32ms hop=16ms"',
    "text": '--input "65536 ngrams"',
}
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Means and deviations of the channels of ImageNet, for pixels of 0..1."""


class InputSentence(msgspec.Struct, frozen=True, kw_only=True):
    """All that a sentence says; None where it is silent."""

    size: tuple[int, int] | None = None
    """Width and height of a picture; frames and coefficients of a sound."""
    colour: str | None = None
    range: tuple[float, float] | None = None
    """The values of black and white."""
    standardized: bool = False
    """True for zero mean and unit deviation of each picture."""
    layout: str | None = None
    """channels_first or channels_last."""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    coefficients: str | None = None
    window: float | None = None
    """Seconds of an analysis frame, as are those of the `hop`."""
    hop: float | None = None
    fft: int | None = None
    bands: int | None = None
    hz: tuple[float, float] | None = None
    preemphasis: float | None = None
    taper: Literal["hamming", "hann"] | None = None
    """Shape of the analysis window."""
    mel: Literal["htk", "slaney"] | None = None
    """The scale of the mel bands."""
    log: str | None = None
    """Unit of mel energies of samples of -1..1: db or ln; None for the device's own features."""
    ngrams: bool = False


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(one) for one in text.split(","))


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    return float(low), float(high)


def _seconds(text: str) -> float:
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))


NAMED: dict[str, Callable[[str], Any]] = {
    "mean": _numbers,
    "std": _numbers,
    "window": _seconds,
    "hop": _seconds,
    "fft": int,
    "bands": int,
    "hz": _range,
    "preemphasis": float,
}
"""Readers of the values that have a name."""
WORDS: dict[str, dict[str, Any]] = {
    "grey": {"colour": "grey"},
    "gray": {"colour": "grey"},
    "rgb": {"colour": "rgb"},
    "bgr": {"colour": "bgr"},
    "standardized": {"standardized": True},
    "imagenet": {"range": (0.0, 1.0), "mean": IMAGENET[0], "std": IMAGENET[1]},
    "channels_first": {"layout": "channels_first"},
    "channels_last": {"layout": "channels_last"},
    "log_mel": {"coefficients": "log_mel"},
    "mfcc": {"coefficients": "mfcc"},
    "db": {"log": "db"},
    "ln": {"log": "ln"},
    "hann": {"taper": "hann"},
    "hamming": {"taper": "hamming"},
    "slaney": {"mel": "slaney"},
    "htk": {"mel": "htk"},
    "ngrams": {"ngrams": True},
}
"""Words that stand alone, and what each one says."""
SIZE = re.compile(r"(\d+)x(\d+)(?:x([13]))?")
RANGE = re.compile(r"(-?[\d.]+?)\.\.(-?[\d.]+)")


def read_sentence(text: str, modality: str) -> InputSentence:
    """Reads a sentence; raises ModelImportError that names the word it does not know."""
    said: dict[str, Any] = {}
    for word in text.lower().replace("-first", "_first").replace("-last", "_last").split():
        said |= _read(word, text, modality)
    return InputSentence(**said)


def _read(word: str, text: str, modality: str) -> dict[str, Any]:
    if word in WORDS:
        return WORDS[word]
    if match := SIZE.fullmatch(word):
        colour = {"1": {"colour": "grey"}, "3": {"colour": "rgb"}}.get(match[3], {})
        return {"size": (int(match[1]), int(match[2])), **colour}
    if word.isdigit():
        return {"size": (int(word), 1)}
    name, equals, value = word.partition("=")
    try:
        if RANGE.fullmatch(word):
            return {"range": _range(word)}
        if equals and name in NAMED:
            return {name: NAMED[name](value)}
    except ValueError as error:
        raise ModelImportError(f"--input {text!r}: {word!r} is not understood ({error})") from error
    raise ModelImportError(
        f"--input {text!r}: {word!r} is not understood; write it as in {EXAMPLES[modality]}, with "
        f"the words {', '.join(WORDS)} and {'=, '.join(NAMED)}="
    )
