"""Hashes of the samples that teach a model, so that others can be shown to be none of them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from converter.datasets.splits import Splits
from converter.datasets.texts import normalized

FILE = "taught.json"
"""In a run."""
DIGITS = 16
"""Hexadecimal digits of SHA-256 that are kept of each hash."""


class Taught(msgspec.Struct, frozen=True):
    """The samples that a training learned from or chose by."""

    trained_on: tuple[str, ...]
    """The data sets whose samples these are, as in a manifest."""
    hashes: frozenset[str]


def fingerprints(inputs: Iterable[Any]) -> list[str]:
    """Returns a hash for each picture or sound as it was read, or for the words of each text."""
    return [hashlib.sha256(_content(one)).hexdigest()[:DIGITS] for one in inputs]


def _content(sample: Any) -> bytes:
    if isinstance(sample, str):
        return normalized(sample).encode()
    values = np.ascontiguousarray(sample)
    return f"{values.shape} {values.dtype}".encode() + values.tobytes()


def write_taught(run: Path, splits: Splits) -> None:
    """Writes the hashes of the training and held-back samples into a run."""
    found = (*fingerprints(splits.train.inputs), *fingerprints(splits.held_back.inputs))
    taught = Taught(splits.trained_on, frozenset(found))
    (run / FILE).write_bytes(msgspec.json.encode(taught, order="deterministic"))


def read_taught(run: Path) -> Taught | None:
    """Reads the hashes of a run; None if it has none that can be read."""
    try:
        return msgspec.json.decode((run / FILE).read_bytes(), type=Taught)
    except (OSError, msgspec.DecodeError):
        return None
