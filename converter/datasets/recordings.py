"""Shared by the loaders of speech: their labels, and the reading of clips."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from converter.datasets.files import (
    Root,
    children,
    first_reason,
    read_bytes,
)
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import check_distinct
from edge.capture.media import SOUNDS, decode_sound, read_sound
from edge.errors import SourceError
from edge.values import SAMPLE_RATE_HZ, Sound

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The labels of RAVDESS, which every speech data set is mapped to."""
LABEL_OF = {
    **{label: label for label in LABELS},
    "anger": "angry",
    "disgusted": "disgust",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}
"""The label of each name that a data set may use, in lower case."""
SHORTEST_S, LONGEST_S = 0.3, 60.0
"""A clip must be an utterance; shorter and longer ones are left out."""
MIN_PEAK = 33
"""In int16 steps, 60 dB below full scale; a clip with a lower peak counts as silent."""
UNKNOWN_SPEAKER = ""
"""The speaker of clips whose speaker is not known."""


@dataclass(frozen=True)
class Clip:
    """One sound file of a data set, as its file name or a table describes it."""

    file: Root
    label: str | None
    """One of LABELS; None for an emotion that these lack."""
    speaker: str
    """UNKNOWN_SPEAKER if the data set does not say it."""
    split: str = ""
    """TRAIN, VAL or TEST if the data set says it."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Recordings:
    """One data set before splitting; the group of a sample is its speaker."""

    dataset: str
    samples: Samples
    licence: str
    unusable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Each thing that loading found and that a user should know."""
    parts: tuple[str, ...] = ()
    """The split of each sample, if the data set has its own; may be empty."""
    split_names: tuple[str, str] = ("", "")
    """Names of its own splits for training and for the test."""

    @property
    def speakers(self) -> list[str]:
        """The names of the known speakers, sorted."""
        return sorted(set(self.samples.groups) - {UNKNOWN_SPEAKER})

    @property
    def is_judged(self) -> bool:
        """False if half of the speakers or more are heard with one emotion only.

        On such voices a model that knows how a talk show sounds would seem to know emotions.
        """
        return show_several(zip(self.samples.groups, self.samples.majority.tolist(), strict=True))

    @property
    def parts_by_speaker(self) -> bool:
        """False if a model cannot be measured on some of the speakers and trained on others."""
        return self.is_judged and len(self.speakers) > 1


def show_several(heard: Iterable[tuple[str, object]]) -> bool:
    """Returns True if most speakers, each given with a label, are heard with several labels."""
    labels = Counter(speaker for speaker, _ in set(heard))
    return 2 * sum(count > 1 for count in labels.values()) > len(labels)


def sound_files(folder: Root, depth: int = 0) -> list[Root]:
    """Returns the sound files below `folder`, sorted: all, or those `depth` levels below it."""
    found = []
    for one in children(folder):
        if one.is_dir():
            if depth != 1:
                found += sound_files(one, max(depth - 1, 0))
        elif depth <= 1 and Path(one.name).suffix.lower() in SOUNDS:
            found.append(one)
    return found


def folder_name(file: Root) -> str:
    """Returns the name of the folder of a file."""
    return Path(str(file)).parent.name


def read_clips(
    dataset: str,
    licence: str,
    clips: Iterable[Clip],
    unusable: Iterable[str] = (),
    labels: Sequence[str] = LABELS,
) -> Recordings:
    """Reads every clip; one that cannot be used is added to `unusable` with the reason.

    `labels` are all that the clips may have. Raises DatasetError if nothing is left.
    """
    left_out = list(unusable)
    kept: list[Clip] = []
    sounds: list[Sound] = []
    seen: dict[str, Root] = {}
    for clip in track(list(clips), description=f"{dataset}, reading", transient=True):
        try:
            sound = _read(clip)
        except SourceError as error:
            left_out.append(str(error))
            continue
        first = seen.setdefault(_digest(sound), clip.file)
        if first != clip.file:
            left_out.append(f"{clip.file}: the same recording as {first}")
            continue
        kept.append(clip)
        sounds.append(sound)
    if not kept:
        raise DatasetError(f"{dataset}: no clip can be used{first_reason(left_out)}")
    indices = [labels.index(clip.label) for clip in kept if clip.label]
    samples = Samples(
        tuple(labels),
        sounds,
        np.eye(len(labels), dtype=np.float32)[indices],
        tuple(clip.speaker for clip in kept),
    )
    parts = tuple(clip.split for clip in kept)
    return Recordings(dataset, samples, licence, tuple(left_out), parts=parts if any(parts) else ())


def _read_file(file: Root) -> Sound:
    """Reads a sound file on disk or inside a zip; raises SourceError."""
    if isinstance(file, Path):
        return read_sound(file)
    data = read_bytes(file)
    if isinstance(data, str):
        raise SourceError(f"{file}: {data}")
    return decode_sound(data, str(file))


def _digest(sound: Sound) -> str:
    return hashlib.sha256(sound.tobytes()).hexdigest()


def check_disjoint(sets: Sequence[Recordings]) -> None:
    """Raises DatasetError if two data sets have the same name or a recording in common."""
    check_distinct([one.dataset for one in sets], "folder")
    owner: dict[str, str] = {}
    for one in sets:
        for sound in one.samples.inputs:
            other = owner.setdefault(_digest(sound), one.dataset)
            if other != one.dataset:
                raise DatasetError(f"{other} and {one.dataset} have recordings in common")


def _read(clip: Clip) -> Sound:
    """Reads the sound of a clip; raises SourceError if it cannot be used."""
    if clip.label is None:
        raise SourceError(f"{clip.file}: its emotion is none of {', '.join(LABELS)}")
    sound = _read_file(clip.file)
    duration_s = len(sound) / SAMPLE_RATE_HZ
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise SourceError(
            f"{clip.file}: {duration_s:.2f} s long; expected an utterance of "
            f"{SHORTEST_S} to {LONGEST_S:.0f} s"
        )
    if np.abs(sound.astype(np.int32)).max() < MIN_PEAK:
        raise SourceError(f"{clip.file}: silent")
    return sound
