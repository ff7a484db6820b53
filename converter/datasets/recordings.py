"""Shared by the loaders of speech: their labels, the reading of clips, and splits by speaker."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from converter.datasets.samples import DatasetError, Samples, concatenate
from converter.datasets.splits import WHOLE_SET, Splits, check_distinct
from edge.capture.media import SOUNDS, read_sound
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
    "sadness": "sad",
    "surprise": "surprised",
}
"""The label of each name that a data set may use, in lower case."""
FOLDS = 9
"""Number of parts of equal size, by speaker; each is the test split once."""
SHORTEST_S, LONGEST_S = 0.3, 60.0
"""A clip must be an utterance; shorter and longer ones are left out."""
MIN_PEAK = 33
"""In int16 steps, 60 dB below full scale; a clip with a lower peak counts as silent."""


Rows = npt.NDArray[np.intp]
"""Indices of samples."""


@dataclass(frozen=True)
class Clip:
    """One sound file of a data set, as its file name or a table describes it."""

    file: Path
    label: str | None
    """One of LABELS; None for an emotion that these lack."""
    speaker: str


@dataclass(frozen=True)
class Recordings:
    """One data set before splitting; the group of a sample is its speaker."""

    dataset: str
    samples: Samples
    licence: str
    unusable: tuple[str, ...] = ()

    @property
    def speakers(self) -> list[str]:
        """The names of the speakers, sorted."""
        return sorted(set(self.samples.groups))


def sound_files(folder: Path, pattern: str = "**/*") -> list[Path]:
    """Returns the sound files below `folder` that match `pattern`, sorted."""
    return [
        file
        for file in sorted(folder.glob(pattern))
        if file.suffix.lower() in SOUNDS and file.is_file()
    ]


def read_clips(
    dataset: str, licence: str, clips: Iterable[Clip], unusable: Iterable[str] = ()
) -> Recordings:
    """Reads every clip; one that cannot be used is added to `unusable` with the reason.

    Raises DatasetError if nothing is left.
    """
    left_out = list(unusable)
    kept: list[Clip] = []
    sounds: list[Sound] = []
    seen: dict[str, Path] = {}
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
        reasons = f"; the first of {len(left_out)} left out: {left_out[0]}" if left_out else ""
        raise DatasetError(f"{dataset}: no clip can be used{reasons}")
    indices = [LABELS.index(clip.label) for clip in kept if clip.label]
    samples = Samples(
        LABELS,
        sounds,
        np.eye(len(LABELS), dtype=np.float32)[indices],
        tuple(clip.speaker for clip in kept),
    )
    return Recordings(dataset, samples, licence, tuple(left_out))


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
    sound = read_sound(clip.file)
    duration_s = len(sound) / SAMPLE_RATE_HZ
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise SourceError(
            f"{clip.file}: {duration_s:.2f} s long; expected an utterance of "
            f"{SHORTEST_S} to {LONGEST_S:.0f} s"
        )
    if np.abs(sound.astype(np.int32)).max() < MIN_PEAK:
        raise SourceError(f"{clip.file}: silent")
    return sound


def group_of(dataset: str, speaker: str) -> str:
    """Returns a name for a speaker that is unique across data sets."""
    return f"{dataset} {speaker}"


def split_by_speaker(
    sets: Sequence[Recordings], fold: int | None = None, folds: int = FOLDS
) -> Splits:
    """Tests on the speakers of one fold, holds back those of the next, trains on all others.

    Each data set's speakers are spread over the folds. Without a `fold` there is no test split:
    the last fold, in which every data set has a speaker, is held back and the rest is for
    training. Raises DatasetError.
    """

    def choose(recordings: Recordings) -> list[Rows]:
        of_fold = _fold_of_each(recordings, folds)
        held = folds - 1 if fold is None else (fold + 1) % folds
        is_held, is_tested = of_fold == held, of_fold == fold
        return [np.flatnonzero(one) for one in (~is_held & ~is_tested, is_held, is_tested)]

    return _split(sets, choose, "" if fold is None else f"speakers of fold {fold + 1} of {folds}")


def split_by_clip(sets: Sequence[Recordings], seed: int = 0, folds: int = FOLDS) -> Splits:
    """Splits every data set at random, so that speakers are in both training and test.

    Its figures are too optimistic; they are reported only beside those by speaker.
    """

    def choose(recordings: Recordings) -> list[Rows]:
        order = np.random.default_rng(seed).permutation(len(recordings.samples))
        test, held_back, *rest = np.array_split(order, folds)
        return [np.sort(rows) for rows in (np.concatenate(rest), held_back, test)]

    return _split(sets, choose, f"1 of {folds} parts of the clips, at random")


def all_to_test(sets: Sequence[Recordings]) -> Splits:
    """Puts every speaker into the test split, for a model that was trained on none of them."""

    def choose(recordings: Recordings) -> list[Rows]:
        nothing = np.zeros(0, np.intp)
        return [nothing, nothing, np.arange(len(recordings.samples))]

    return _split(sets, choose, WHOLE_SET)


def _fold_of_each(recordings: Recordings, folds: int) -> Rows:
    """Returns the fold of each sample; the last speaker is always in the last fold."""
    speakers = recordings.speakers
    numbers = np.array([speakers.index(group) for group in recordings.samples.groups])
    return np.asarray(((numbers + 1) * folds - 1) // len(speakers), np.intp)


def _split(
    sets: Sequence[Recordings], choose: Callable[[Recordings], list[Rows]], test_split: str
) -> Splits:
    """Joins all data sets, each split into train, held back and test by `choose`."""
    chosen = [[_prefixed(one, rows) for rows in choose(one)] for one in sets]
    train, held_back, test = (concatenate(parts) for parts in zip(*chosen, strict=True))
    return Splits(
        tuple(one.dataset for one in sets),
        train,
        held_back,
        test,
        ()
        if test_split == WHOLE_SET
        else tuple(_training_speakers(one, train.groups) for one in sets),
        test_split,
        "; ".join(dict.fromkeys(one.licence for one in sets)),
        tuple(reason for one in sets for reason in one.unusable),
    )


def _training_speakers(recordings: Recordings, groups: Sequence[str]) -> str:
    """Describes which speakers of a data set are among `groups`."""
    name = recordings.dataset
    others = [one for one in recordings.speakers if group_of(name, one) not in groups]
    return f"without {', '.join(others)}" if others else "all speakers"


def _prefixed(recordings: Recordings, rows: Rows) -> Samples:
    """Returns some of the samples, with groups that are unique across data sets."""
    chosen = recordings.samples.subset(rows)
    groups = tuple(group_of(recordings.dataset, group) for group in chosen.groups)
    return replace(chosen, groups=groups)
