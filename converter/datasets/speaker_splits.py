"""Splits of speech data sets: by speaker, by data set, at random, or all as a test."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from converter.datasets.own_layout import TEST, TRAIN, VAL
from converter.datasets.recordings import Recordings
from converter.datasets.samples import DatasetError, Samples, concatenate
from converter.datasets.splits import LEFT_OUT, SEPARATOR, WHOLE_SET, AnnotationScheme, Splits

FOLDS = 9
"""Number of parts of equal size, by speaker; each is the test split once."""

NOT_PARTED = "fewer than two speakers are known, or most are heard with one emotion only"
"""Why speakers of a data set cannot be held back."""

Rows = npt.NDArray[np.intp]
"""Indices of samples."""


def person_of(dataset: str, speaker: str) -> str:
    """Returns a name for a speaker that is unique across data sets."""
    return f"{dataset} {speaker}"


def split_by_speaker(
    sets: Sequence[Recordings], fold: int | None = None, folds: int = FOLDS
) -> Splits:
    """Tests on the speakers of one fold, holds back those of the next, trains on all others.

    Each data set's speakers are spread over the folds; those of one that cannot be parted are all
    for training, and so are clips of unknown speakers. Without a `fold` there is no test split: the
    last fold, in which every data set has a speaker, is held back and the rest is for training; a
    data set that has splits of its own keeps them. Raises DatasetError.
    """
    if not any(one.parts_by_speaker or (fold is None and one.parts) for one in sets):
        names = ", ".join(one.dataset for one in sets)
        raise DatasetError(f"{names}: {NOT_PARTED}; add a set with several speakers")

    def choose(recordings: Recordings) -> list[Rows]:
        if fold is None and recordings.parts:
            parts = np.array(recordings.parts)
            return [np.flatnonzero(parts == one) for one in (TRAIN, VAL, TEST)]
        of_fold = _fold_of_each(recordings, folds)
        held = folds - 1 if fold is None else (fold + 1) % folds
        is_held, is_tested = of_fold == held, of_fold == fold
        return [np.flatnonzero(one) for one in (~is_held & ~is_tested, is_held, is_tested)]

    if fold is None:
        return _split(sets, choose, "", keeps_own=True)
    return _split(sets, choose, f"speakers of fold {fold + 1} of {folds}")


def split_by_set(sets: Sequence[Recordings], fold: int, folds: int) -> Splits:
    """Tests on all speakers of one fold of the data sets, and trains on the others.

    The others are split as `split_by_speaker` does without a fold, and need no test of their own:
    their speakers are for training or held back. Raises DatasetError.
    """
    left_out = [one for one in sets if one.is_judged][fold::folds]
    others = (one for one in sets if one not in left_out)
    known = split_by_speaker(
        [replace(one, parts=()) if one.parts_by_speaker else one for one in others]
    )
    tested = all_to_test(left_out)
    schemes = {name: replace(one, test_split=LEFT_OUT) for name, one in tested.schemes.items()}
    return replace(
        known,
        test=tested.test,
        test_split=LEFT_OUT,
        unusable=known.unusable + tested.unusable,
        schemes=known.schemes | schemes,
    )


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
    """Returns the fold of each sample, or -1; the last speaker is always in the last fold."""
    if not recordings.parts_by_speaker:
        return np.full(len(recordings.samples), -1, np.intp)
    speakers = recordings.speakers
    fold_of = {one: ((at + 1) * folds - 1) // len(speakers) for at, one in enumerate(speakers)}
    return np.array([fold_of.get(group, -1) for group in recordings.samples.groups], np.intp)


def _split(
    sets: Sequence[Recordings],
    choose: Callable[[Recordings], list[Rows]],
    test_split: str,
    *,
    keeps_own: bool = False,
) -> Splits:
    """Joins all data sets, each split into train, held back and test by `choose`.

    `keeps_own` is True if those that have splits of their own keep them.
    """
    chosen = [[_joined(one, rows) for rows in choose(one)] for one in sets]
    train, held_back, test = (concatenate(parts) for parts in zip(*chosen, strict=True))
    can_train = len(train) and len(held_back)
    own = {one.dataset: one.split_names for one in sets if keeps_own and one.parts}
    tests = {one.dataset: own.get(one.dataset, ("", test_split))[1] for one in sets}
    schemes = {one.dataset: _scheme(one, tests[one.dataset]) for one in sets}
    return Splits(
        tuple(one.dataset for one in sets),
        _spread(train, schemes),
        held_back,
        test,
        _training_splits(sets, train, own) if can_train and test_split != WHOLE_SET else (),
        SEPARATOR.join(dict.fromkeys(filter(None, tests.values()))),
        "; ".join(dict.fromkeys(one.licence for one in sets)),
        tuple(reason for one in sets for reason in one.unusable),
        schemes,
        tuple(f"{one.dataset}: {note}" for one in sets for note in _notes(one, test_split, own)),
    )


def _training_splits(
    sets: Sequence[Recordings], train: Samples, own: Mapping[str, tuple[str, str]]
) -> tuple[str, ...]:
    return tuple(
        own[one.dataset][0] if one.dataset in own else _training_speakers(one, train.people)
        for one in sets
    )


def _notes(recordings: Recordings, test_split: str, own: Collection[str]) -> tuple[str, ...]:
    is_parted = recordings.parts_by_speaker or recordings.dataset in own
    if is_parted or test_split == WHOLE_SET:
        return recordings.notes
    return *recordings.notes, f"every clip is for training: {NOT_PARTED}"


def _scheme(recordings: Recordings, test_split: str) -> AnnotationScheme:
    """Returns the labels that occur in a data set, as those that a clip of it could have.

    Only actors of RAVDESS were asked to be calm; elsewhere such a voice is a neutral one.
    """
    name, counts = recordings.dataset, recordings.samples.counts()
    occurring = tuple(one for one in recordings.samples.labels if counts[one])
    is_merged = "neutral" in occurring and "calm" not in occurring
    includes = {"neutral": ("calm",)} if is_merged else {}
    return AnnotationScheme(name, occurring, test_split, includes)


def _spread(samples: Samples, schemes: Mapping[str, AnnotationScheme]) -> Samples:
    """Shares targets out over the labels that a data set's own labels include."""
    targets = samples.targets.copy()
    for dataset, scheme in schemes.items():
        rows = samples.rows_of({dataset})
        targets[rows] = scheme.spread(targets[rows], samples.labels)
    return replace(samples, targets=targets)


def _training_speakers(recordings: Recordings, people: Sequence[str]) -> str:
    """Describes which speakers of a data set are among `people`."""
    known, name = set(people), recordings.dataset
    others = [one for one in recordings.speakers if person_of(name, one) not in known]
    return f"without {', '.join(others)}" if others else "all speakers"


def _joined(recordings: Recordings, rows: Rows) -> Samples:
    """Returns some of the samples, with the data set as their group."""
    chosen, name = recordings.samples.subset(rows), recordings.dataset
    people = tuple(person_of(name, speaker) for speaker in chosen.groups)
    return replace(chosen, groups=(name,) * len(chosen), people=people)
