"""Joins face sets into one training, each with the labels that it has, without copies."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from converter.datasets.samples import DatasetError, Samples, concatenate
from converter.datasets.splits import SEPARATOR, Splits, check_distinct
from edge.emotions import FloatArray
from edge.perception.features import Pixels

THUMBNAIL = 16
"""Side of the thumbnails by which pictures are compared, in pixels."""
ALIKE = 0.97
"""Pictures whose thumbnails correlate more strongly are copies of each other.

Among the 3,579 test pictures of FER+, 388 have such a copy among the training ones, 264 of them
identical; of the eight pairs looked at between 0.97 and 0.98 all show the same photograph.
"""
BLOCK = 4096


def join(sets: Sequence[Splits]) -> Splits:
    """Joins one or several face sets; a sample's group is its data set's name.

    Copies of a test picture of any set are removed from the other splits of all, and copies of a
    held-back one from the training pictures. Raises DatasetError if two sets have the same name, or
    no training picture of a set is left.
    """
    return _without_copies(_joined(sets))


def join_all(sets: Sequence[Splits]) -> Splits:
    """Joins one or several face sets with all of their pictures as the test split.

    Raises DatasetError if two sets have the same name.
    """
    return _joined(sets).all_as_test


def _joined(sets: Sequence[Splits]) -> Splits:
    names = tuple(name for one in sets for name in one.datasets)
    check_distinct(names, "folder")
    return Splits(
        names,
        concatenate([_grouped(one.dataset, one.train) for one in sets]),
        concatenate([_grouped(one.dataset, one.held_back) for one in sets]),
        concatenate([_grouped(one.dataset, one.test) for one in sets]),
        tuple(split for one in sets for split in one.train_splits),
        SEPARATOR.join(one.test_split for one in sets),
        "; ".join(dict.fromkeys(one.licence for one in sets)),
        tuple(reason for one in sets for reason in one.unusable),
        {name: scheme for one in sets for name, scheme in one.schemes.items()},
        tuple(f"{one.dataset}: {note}" for one in sets for note in one.notes),
    )


def _without_copies(splits: Splits) -> Splits:
    tested, held = thumbnails(splits.test.inputs), thumbnails(splits.held_back.inputs)
    of_test = copies(held, tested)
    trained = thumbnails(splits.train.inputs)
    repeated = copies(trained, tested) | copies(trained, held[~of_test])
    if not of_test.any() and not repeated.any():
        return splits
    if of_test.all():
        raise DatasetError(
            f"{splits.dataset}: every held-back picture is a copy of a test picture; keep frames "
            "of one clip, and variations of one picture, in the same split"
        )
    kept = splits.train.subset(np.flatnonzero(~repeated))
    for dataset in splits.datasets:
        if not len(kept.of_groups({dataset}).labelled_rows):
            raise DatasetError(
                f"{dataset}: every training picture is a copy of a test picture, or of a held-back "
                "one; leave this set out, or split it again"
            )
    removed = f"{int(repeated.sum())} training and {int(of_test.sum())} held-back pictures"
    return replace(
        splits,
        train=kept,
        held_back=splits.held_back.subset(np.flatnonzero(~of_test)),
        notes=(*splits.notes, f"{removed} are left out: copies of a picture of another split"),
    )


def thumbnails(pictures: Sequence[Pixels]) -> FloatArray:
    """Returns float32[n, THUMBNAIL**2], small standardized copies: unit vectors around zero."""
    small = [
        cv2.resize(one, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA) for one in pictures
    ]
    flat = np.array(small, np.float32).reshape(len(small), THUMBNAIL**2)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def copies(candidates: FloatArray, others: FloatArray) -> npt.NDArray[np.bool_]:
    """Returns for each candidate whether one of the others is alike, or alike when mirrored."""
    found = np.zeros(len(candidates), bool)
    if not len(others):
        return found
    mirrored = others.reshape(-1, THUMBNAIL, THUMBNAIL)[:, :, ::-1].reshape(others.shape)
    for start in range(0, len(candidates), BLOCK):
        block = candidates[start : start + BLOCK]
        likeness = np.maximum((block @ others.T).max(axis=1), (block @ mirrored.T).max(axis=1))
        found[start : start + BLOCK] = likeness > ALIKE
    return found


def _grouped(dataset: str, samples: Samples) -> Samples:
    """Returns the samples as a group of their own."""
    return replace(samples, groups=(dataset,) * len(samples))
