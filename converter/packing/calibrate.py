"""Fits temperature, label prior, familiarity and thresholds to held-back data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_curve

from converter.datasets.samples import Samples
from converter.datasets.splits import AnnotationScheme
from converter.measuring.metrics import accuracy_and_recall
from edge.emotions import FloatArray, softmax

TEMPERATURE_RANGE = (0.2, 5.0)
FAMILIARITY_QUANTILES = (0.01, 0.1)
ENOUGH = 50
"""Fewer samples tell neither how sure a model may be nor what is unlike all it knows."""
SHARES = tuple(step / 10 for step in range(11))
"""Shares of the log prior that are tried."""
NEUTRAL_ODDS = (0.0, 0.1, 0.2, 0.3)
"""Log odds of neutral labels that are tried, in nepers; more costs recall on other sources."""


def _same(probabilities: FloatArray) -> FloatArray:
    return probabilities


def fit_temperature(
    logits: FloatArray, targets: FloatArray, merged: Callable[[FloatArray], FloatArray] = _same
) -> float:
    """Returns the temperature that makes `targets`, distributions, most likely (Guo et al. 2017).

    `logits` and `targets` are float32[samples, labels]. `merged` gives the probabilities of the
    annotators' labels from those of all labels.
    """

    def loss(temperature: float) -> float:
        likelihoods = np.log(merged(softmax(logits, temperature)) + 1e-9)
        return -float((targets * likelihoods).sum(axis=1).mean())

    fitted = minimize_scalar(loss, bounds=TEMPERATURE_RANGE, method="bounded")
    return round(float(fitted.x), 4)


@dataclass(frozen=True)
class _Part:
    """The samples of one data set."""

    rows: npt.NDArray[np.intp]
    weight: float
    """Of the data set."""
    merged: Callable[[FloatArray], FloatArray]
    """Probabilities of the annotators' labels from those of all labels."""


def fit_temperature_across(
    logits: FloatArray, samples: Samples, schemes: Mapping[str, AnnotationScheme]
) -> float:
    """Returns the geometric mean of the temperatures that fit each data set, the samples' groups.

    Fitted to all at once, the temperature would be that of the set that the model knows least:
    there, each confident error costs much. Sets count by their number of samples.
    """
    certain = np.eye(len(samples.labels), dtype=np.float32)[samples.majority]
    parts = _parts(samples, schemes, np.ones(len(samples)))
    each = [fit_temperature(logits[one.rows], certain[one.rows], one.merged) for one in parts]
    return float(np.exp(np.average(np.log(each), weights=[one.weight for one in parts])))


def _parts(
    samples: Samples, schemes: Mapping[str, AnnotationScheme], weights: npt.NDArray[Any]
) -> list[_Part]:
    parts = []
    for dataset in dict.fromkeys(samples.groups):
        rows = samples.rows_of({dataset})
        merged = partial(schemes[dataset].merged, labels=samples.labels)
        parts.append(_Part(rows, float(weights[rows].sum()), merged))
    return parts


def fit_prior(
    logits: FloatArray,
    samples: Samples,
    schemes: Mapping[str, AnnotationScheme],
    log_prior: FloatArray,
    neutral: FloatArray,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Returns what to add to the logits: a share of `log_prior`, and log odds for neutral labels.

    A network trained for equally frequent labels finds most samples of a rare one, and calls too
    many others so, neutral ones above all. `neutral`, float32[labels], is 1 for labels that mean
    it. Both amounts are those with the best mean of accuracy and unweighted recall, as a mean over
    data sets: elsewhere labels are as frequent as in none of them. Sets count by the sum of their
    samples' `weights`.
    """
    truth = samples.majority
    parts = _parts(samples, schemes, np.ones(len(samples)) if weights is None else weights)

    def score(added: FloatArray) -> float:
        guesses = [one.merged(softmax(logits[one.rows] + added)).argmax(axis=1) for one in parts]
        each = [
            np.mean(accuracy_and_recall(guess, truth[one.rows]))
            for guess, one in zip(guesses, parts, strict=True)
        ]
        return float(np.average(each, weights=[one.weight for one in parts]))

    tried = (share * log_prior + odds * neutral for share, odds in product(SHARES, NEUTRAL_ODDS))
    return np.asarray(max(tried, key=score), np.float32)


def fit_familiarity(
    logits: FloatArray, weights: FloatArray | None = None
) -> tuple[float, float] | None:
    """Returns two percentiles of the deviation of a sample's logits, see Manifest.familiarity.

    Of noise, of other objects and of faces that are turned or covered, all logits are alike.
    Returns None if the samples are too few to tell the percentiles apart.
    """
    deviations = logits.std(axis=1)
    unlike, ordinary = np.quantile(
        deviations, FAMILIARITY_QUANTILES, weights=weights, method="inverted_cdf"
    )
    bounds = round(float(unlike), 4), round(float(ordinary), 4)
    return bounds if bounds[0] < bounds[1] else None


def fit_threshold(probabilities: FloatArray, present: npt.NDArray[np.bool_]) -> float:
    """Returns the probability of a label from which predicting it gives the best F1."""
    precision, recall, steps = precision_recall_curve(present, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float(steps[f1[:-1].argmax()])


def fit_thresholds(
    probabilities: FloatArray, samples: Samples, schemes: Mapping[str, AnnotationScheme]
) -> dict[str, dict[str, float]]:
    """Returns, for each data set and each of its labels, the probability to predict it from.

    It is the geometric mean of the threshold that fits the data set's few texts and the one that
    fits its whole family. `probabilities`, float32[samples, labels], are those of `samples`, whose
    groups are data sets.
    """
    groups = np.array(samples.groups)
    thresholds: dict[str, dict[str, float]] = {dataset: {} for dataset in schemes}
    for label in samples.labels:
        annotated = {name: one for name, one in schemes.items() if label in one.labels}
        for dataset, own in annotated.items():
            predicted = own.column(label, probabilities, samples.labels)
            present = own.column(label, samples.targets, samples.labels) > 0
            relatives = [name for name, other in annotated.items() if other.family == own.family]
            fits = [
                fit_threshold(predicted[rows], present[rows])
                for rows in (groups == dataset, np.isin(groups, relatives))
                if present[rows].any()
            ]
            between = float(np.prod(fits) ** (1 / len(fits))) if fits else 1.0
            thresholds[dataset][label] = round(between, 4)
    return thresholds
