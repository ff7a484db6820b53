"""Shares of the labels in each data set, which a training takes out of its network's answers."""

from collections.abc import Mapping

import numpy as np

from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme
from edge.emotions import FloatArray

LEAST_PRIOR = 1e-4
"""The share of a label that annotators could choose and never did."""


def label_priors(train: Samples, schemes: Mapping[str, AnnotationScheme]) -> dict[str, FloatArray]:
    """Returns by data set the share of each label among its samples, float32[labels].

    It is 0 for a label that its annotators could not choose. `train` has the data sets as groups.
    """
    priors = {}
    for dataset, scheme in schemes.items():
        shares = train.of_groups({dataset}).labelled.targets.mean(axis=0)
        offered = np.array([label in scheme.labels for label in train.labels])
        shares = np.where(offered, np.maximum(shares, LEAST_PRIOR), 0)
        priors[dataset] = np.asarray(shares / shares.sum(), np.float32)
    return priors
