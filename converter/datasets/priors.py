"""Shares of the labels in each data set, which a training takes out of its network's answers."""

from collections.abc import Mapping

import numpy as np

from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme
from edge.emotions import FloatArray

LEAST_PRIOR = 1e-4
"""The share of a label that annotators could choose and never did."""


def label_priors(
    train: Samples,
    schemes: Mapping[str, AnnotationScheme],
    weights: FloatArray | None = None,
    absent: float = 0.0,
) -> dict[str, FloatArray]:
    """Returns by data set the share of each label among its samples, float32[labels].

    It is `absent`, before all are scaled to add up to 1, for a label that its annotators could not
    choose. `train` has the data sets as groups, and its samples count equally, or by `weights`.
    """
    drawn = np.ones(len(train), np.float32) if weights is None else weights
    drawn = np.where(train.targets.any(axis=1), drawn, 0)
    priors = {}
    for dataset in dict.fromkeys(train.groups):
        scheme, rows = schemes[dataset], train.rows_of({dataset})
        shares = np.average(train.targets[rows], axis=0, weights=drawn[rows])
        offered = np.array([label in scheme.offered for label in train.labels])
        shares = np.where(offered, np.maximum(shares, LEAST_PRIOR), absent)
        priors[dataset] = np.asarray(shares / shares.sum(), np.float32)
    return priors
