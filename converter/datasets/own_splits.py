"""Splits a user's own data: as their folders say, by person, or at random; and says which."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from converter.datasets.own_layout import TEST, TRAIN, VAL, OwnFile
from converter.datasets.splits import HELD_BACK_SHARE

TEST_SHARE = 0.2
SHARES = {TRAIN: 1 - HELD_BACK_SHARE - TEST_SHARE, VAL: HELD_BACK_SHARE, TEST: TEST_SHARE}
"""Shares of the samples for training, to be held back and for the test, as far as groups allow."""
FEW = 10
"""A label with fewer samples is hardly learned, and not measured at all."""


@dataclass(frozen=True)
class OwnSplits:
    """The split of each sample, and how it came about."""

    parts: list[str]
    """TRAIN, VAL or TEST, of each sample."""
    train_name: str
    test_name: str
    """Empty if nothing is for the test."""
    sentence: str
    """The rest of a sentence for the user that starts with the layout."""


def split(samples: Sequence[OwnFile], seed: int = 0) -> OwnSplits:
    """Splits samples; by person where three of them are known."""
    people = {one.person for one in samples} - {""}
    if any(one.split for one in samples):
        return _published(samples, seed)
    if len(people) >= len(SHARES):
        return _by_person(samples)
    known = "one person" if len(people) == 1 else "no people known" if not people else "two people"
    parts = _at_random(samples, SHARES, seed)
    return OwnSplits(
        parts,
        "a random part",
        "a random fifth" if TEST in parts else "",
        f"{known}: split at random, so figures flatter",
    )


def _published(samples: Sequence[OwnFile], seed: int) -> OwnSplits:
    """Keeps the splits of folders; val is the test without one, and a tenth of train held back."""
    parts = [one.split for one in samples]
    added = []
    if VAL in parts and TEST not in parts:
        parts = [TEST if part == VAL else part for part in parts]
        added.append("val is the test")
    if VAL not in parts and TRAIN in parts:
        rows = [row for row, part in enumerate(parts) if part == TRAIN]
        shares = {TRAIN: 1 - HELD_BACK_SHARE, VAL: HELD_BACK_SHARE}
        of_train = _at_random([samples[row] for row in rows], shares, seed)
        for row, part in zip(rows, of_train, strict=True):
            parts[row] = part
        added.append("a random tenth of train is held back")
    sentence = "; ".join([*added, _who_is_in_several(samples, parts)])
    return OwnSplits(parts, TRAIN, TEST if TEST in parts else "", sentence)


def _who_is_in_several(samples: Sequence[OwnFile], parts: Sequence[str]) -> str:
    splits: dict[str, set[str]] = {}
    for one, part in zip(samples, parts, strict=True):
        splits.setdefault(one.person, set()).add(part)
    if "" in splits:
        return "no people known: if somebody is in two splits, figures flatter"
    several = sorted(person for person, found in splits.items() if len(found) > 1)
    if several:
        return f"{len(several)} of {len(splits)} people are in two splits, so figures flatter"
    return "nobody is in two splits"


def _by_person(samples: Sequence[OwnFile]) -> OwnSplits:
    sizes = Counter(one.person for one in samples)
    parts = spread(sizes, list(SHARES.values()))
    for part in parts:
        if not part:  # with few people
            part.append(max(parts, key=len).pop())
    chosen = dict(zip(SHARES, parts, strict=True))
    part_of = {person: part for part, people in chosen.items() for person in people}
    held, tested = (", ".join(sorted(chosen[part])) for part in (VAL, TEST))
    return OwnSplits(
        [part_of[one.person] for one in samples],
        f"without {held}, {tested}",
        f"people {tested}",
        f"{len(sizes)} people: split by person",
    )


def spread(sizes: Mapping[str, int], shares: Sequence[float]) -> list[list[str]]:
    """Spreads groups over splits, so that each has about its share of their sizes' sum.

    The largest group comes first, and each goes to the split that lacks most.
    """
    lacks = np.array(shares) * sum(sizes.values())
    parts: list[list[str]] = [[] for _ in shares]
    for group in sorted(sizes, key=lambda one: (-sizes[one], one)):
        chosen = int(lacks.argmax())
        parts[chosen].append(group)
        lacks[chosen] -= sizes[group]
    return parts


def _at_random(samples: Sequence[OwnFile], shares: Mapping[str, float], seed: int) -> list[str]:
    """Returns a split for each sample, drawn for each label by itself; the first has all of one."""
    rng = np.random.default_rng(seed)
    first, *others = shares
    parts = [first] * len(samples)
    for label in dict.fromkeys(one.label for one in samples):
        rows = rng.permutation([row for row, one in enumerate(samples) if one.label == label])
        start = 0
        for part in others:
            count = max(round(shares[part] * len(rows)), 1)
            if len(rows) > len(shares) - 1:
                for row in rows[start : start + count]:
                    parts[row] = part
                start += count
    return parts


def too_few(samples: Sequence[OwnFile], kind: str) -> list[str]:
    """Returns a note for each label that has too few samples to learn from."""
    counts = Counter(one.label for one in samples)
    return [
        f"{label}: {count} {kind[:-1] if count == 1 else kind}, too few to learn from and to "
        f"measure; add some, or leave them out with --map '{label}=skip'"
        for label, count in counts.items()
        if count < FEW
    ]
