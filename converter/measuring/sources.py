"""The table of a report that compares sources of data: those left out of a training come first."""

from collections.abc import Iterable, Sequence

from converter.datasets.splits import LEFT_OUT, WHOLE_SET
from edge.emotions import EMOTIONS
from edge.perception.manifest import Manifest, Metric

OVERALL = {"accuracy_seven": "accuracy", "uar_seven": "mean recall", "ece_seven": "ECE"}
"""The metrics over the seven emotions, and their headings."""

Row = tuple[str, ...]


def source_rows(left_out: Iterable[Manifest], own: Sequence[Metric]) -> tuple[Row, list[Row]]:
    """Returns headings and rows: a source each, with the recall of each of the seven emotions.

    `left_out` are packs trained without the sources that they were measured on as a whole, and
    `own` are the metrics of the reported pack on its test splits, or of folds by data set.
    """
    columns = [*OVERALL, *(f"recall_{emotion}_seven" for emotion in EMOTIONS)]
    rows = [
        (f"**{dataset}**, left out ({n})", *values)
        for metrics, strange in (*((one.metrics, WHOLE_SET) for one in left_out), (own, LEFT_OUT))
        for (dataset, split), (n, *values) in _by_source(metrics, columns).items()
        if split == strange
    ]
    rows += [
        (f"{dataset}, {split} ({n})", *values)
        for (dataset, split), (n, *values) in _by_source(own, columns).items()
        if split != LEFT_OUT
    ]
    return ("", *OVERALL.values(), *EMOTIONS), rows


def by_split(metrics: Iterable[Metric]) -> dict[tuple[str, str], dict[str, Metric]]:
    """Returns the metrics of the int8 file by data set and split, and then by name."""
    found: dict[tuple[str, str], dict[str, Metric]] = {}
    for one in metrics:
        if one.of == "int8":
            found.setdefault((one.dataset, one.split), {})[one.metric] = one
    return found


def _by_source(
    metrics: Iterable[Metric], columns: Sequence[str]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Returns by data set and split the number of samples and the value of each column."""
    return {
        source: (
            str(next(iter(each.values())).n),
            *(_formatted(each[name]) if name in each else "–" for name in columns),
        )
        for source, each in by_split(metrics).items()
        if columns[0] in each
    }


def _formatted(metric: Metric) -> str:
    return f"{metric.value:.2f}" if metric.metric == "ece_seven" else f"{100 * metric.value:.0f}"
