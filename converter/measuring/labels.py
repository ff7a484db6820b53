"""The table of each label: how often it occurs, and how well it is found."""

from collections.abc import Sequence

from converter.measuring.evaluate import SplitPredictions
from edge.perception.manifest import Manifest, Metric

HEADINGS = ("label", "among the seven", "samples", "precision", "recall", "F1")
NOTHING = "–"
"""The figure of a label without samples."""


def label_rows(
    predictions: SplitPredictions, metrics: Sequence[Metric], manifest: Manifest
) -> list[tuple[str, ...]]:
    """Returns a row for each label of a pack; a label without samples has no figures."""
    counts = predictions.samples.counts()
    found = {one.metric: one.value for one in metrics if one.dataset == predictions.dataset}
    rows = []
    for label in manifest.labels:
        figures = [found.get(f"{name}_{label}") for name in ("precision", "recall")]
        precision, recall = figures
        if precision is not None and recall is not None:
            figures.append(2 * precision * recall / max(precision + recall, 1e-9))
        else:
            figures.append(None)
        shown = (NOTHING if one is None else f"{one:.1%}" for one in figures)
        emotion = manifest.label_map[label] or NOTHING
        rows.append((label, emotion, str(counts[label]), *shown))
    return rows
