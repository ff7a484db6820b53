"""What earlier runs of a recipe left: which steps are done, and how long each took."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from converter.datasets.splits import Splits

FILE = "make.json"
BLOCK = 2**20
SECONDS_A_SAMPLE = {
    ("face", "train"): 0.008,
    ("speech", "train"): 0.002,
    ("text", "train"): 0.006,
}
"""Of one sample in one epoch, on two x86 cores: a guess until a step was measured."""
SECONDS_A_PREDICTION = 0.006
"""Of the other steps, for each held-back and test sample."""


class Done(msgspec.Struct, frozen=True):
    """A step that was finished."""

    key: str
    """Hash of all that it depends on."""
    outputs: dict[str, str]
    """By path below the output folder: the hash of the content; empty if only its presence counts,
    because a later step rewrites it."""
    seconds: float
    units: int
    """Samples times epochs of a training; samples of another step."""


class Record(msgspec.Struct):
    """The content of FILE."""

    done: dict[str, Done] = {}
    """By the name of the step."""
    started: dict[str, str] = {}
    """By the name of a step that was not finished: its key."""


class Progress:
    """The record of an output folder, written after each step."""

    def __init__(self, folder: Path) -> None:
        """A record that is missing or damaged counts as empty: all steps are run."""
        self._folder, self._path = folder, folder / FILE
        try:
            self._record = msgspec.json.decode(self._path.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            self._record = Record()

    def is_done(self, name: str, key: str) -> bool:
        """Returns True if a step has the same key as then and its outputs are as it left them."""
        done = self._record.done.get(name)
        return (
            done is not None and done.key == key and all(map(self._is_kept, done.outputs.items()))
        )

    def _is_kept(self, output: tuple[str, str]) -> bool:
        path = self._folder / output[0]
        return path.is_file() and output[1] in ("", hash_of(path))

    def was_started(self, name: str, key: str) -> bool:
        """Returns True if a step with the same key was interrupted."""
        return self._record.started.get(name) == key

    def start(self, name: str, key: str) -> None:
        """Notes that a step starts: what it left before counts no longer."""
        self._record.done.pop(name, None)
        self._record.started[name] = key
        self._save()

    def finish(self, name: str, outputs: Mapping[Path, bool], seconds: float, units: int) -> None:
        """Notes that a step ended; `outputs` are False where only the presence counts."""
        hashes = {
            str(path.relative_to(self._folder)): hash_of(path) if counts else ""
            for path, counts in outputs.items()
        }
        key = self._record.started.pop(name)
        self._record.done[name] = Done(key, hashes, round(seconds, 1), units)
        self._save()

    def hashes(self, name: str) -> dict[str, str]:
        """Returns the outputs of a finished step."""
        return self._record.done[name].outputs if name in self._record.done else {}

    def seconds_a_unit(self, modality: str, kind: str) -> float:
        """Returns how long a unit of a kind of step takes: as measured here, else a guess."""
        same = [
            one for name, one in self._record.done.items() if name.split()[0] == kind and one.units
        ]
        if same:
            return sum(one.seconds for one in same) / sum(one.units for one in same)
        return SECONDS_A_SAMPLE.get((modality, kind), SECONDS_A_PREDICTION)

    def seconds_of(self, name: str) -> float | None:
        """Returns how long a step took the last time, if it was finished here."""
        return self._record.done[name].seconds if name in self._record.done else None

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".part")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self._record)))
        draft.replace(self._path)


def hash_of(path: Path) -> str:
    """Returns the sha256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def key_of(facts: Sequence[Any]) -> str:
    """Returns a hash of all that a step depends on, as JSON can hold it."""
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def fingerprint(splits: Splits) -> str:
    """Returns a hash of the samples and labels of loaded data, wherever they lie."""
    found = hashlib.sha256(repr((splits.trained_on, splits.train.labels, splits.licence)).encode())
    for part in (splits.train, splits.held_back, splits.test):
        found.update(part.targets.tobytes())
        for one in part.inputs:
            found.update(one.encode() if isinstance(one, str) else one.tobytes())
    return found.hexdigest()


def duration(seconds: float) -> str:
    """Returns an estimated duration as a person says it."""
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 100 else f"about {minutes / 60:.1f} h"
