"""The figures of a pack as text: in short, or overall, for each label and what is confused."""

from collections.abc import Callable, Iterable, Sequence

from sklearn.metrics import confusion_matrix

from converter.datasets.splits import LEFT_OUT
from converter.measuring.evaluate import SplitPredictions
from converter.measuring.labels import HEADINGS, NOTHING, label_rows
from converter.measuring.metrics import SHARES
from converter.measuring.sources import by_split
from edge.perception.manifest import Manifest

Table = Callable[[str, Sequence[str], Iterable[Sequence[str]]], None]
"""Prints a title, headings and rows."""


def headlines(manifest: Manifest) -> list[str]:
    """Returns a line for each split that the pack itself answered: how much of it was right."""
    return [
        f"{dataset}, {split}: {figures['accuracy'].value:.0%} of {figures['accuracy'].n} right, "
        f"mean recall {figures['uar'].value:.0%}"
        for (dataset, split), figures in by_split(manifest.metrics).items()
        if split != LEFT_OUT and {"accuracy", "uar"} <= figures.keys()
    ]


def print_figures(
    predictions: Sequence[SplitPredictions], manifest: Manifest, table: Table
) -> None:
    """Prints three tables for each data set, of the file that ships; and its float32 beside it."""
    for one in (each for each in predictions if each.variant == "int8"):
        same = [each for each in predictions if each.dataset == one.dataset]
        found = [
            {metric.metric: metric.value for metric in each.metrics(manifest)} for each in same
        ]
        title = f"{manifest.file}: {one.dataset}, {one.split} ({len(one.samples)} samples)"
        rows = [
            (name, *(f"{figures[key]:.1%}" if key in figures else NOTHING for figures in found))
            for key, name in SHARES.items()
            if any(key in figures for figures in found)
        ]
        table(title, ("figure", *(each.variant for each in same)), rows)
        table("Each label", HEADINGS, label_rows(one, one.metrics(manifest), manifest))
        table("What was taken for what", *_confusion(one, manifest))


def _confusion(
    predictions: SplitPredictions, manifest: Manifest
) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """Returns headings and a row for each label that occurs, with the counts of the answers."""
    truth, guess = predictions.samples.majority, predictions.probabilities.argmax(axis=1)
    labels = manifest.labels
    counts = confusion_matrix(truth, guess, labels=range(len(labels)))
    rows = [(label, *map(str, row)) for label, row in zip(labels, counts, strict=True) if row.sum()]
    return ("true \\ answered", *labels), rows
