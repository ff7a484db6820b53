"""A page of a model pack's metrics, in Markdown with plots."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from converter.datasets.splits import HELD_BACK, LEFT_OUT, Splits
from converter.measuring.cost import Cost, cost, latencies_ms
from converter.measuring.evaluate import SplitPredictions, variants_of
from converter.measuring.labels import HEADINGS, label_rows
from converter.measuring.markdown import markdown_table
from converter.measuring.metrics import (
    CALIBRATION_BINS,
    MULTILABEL_F1,
    MULTILABEL_MEAN,
    SHARES,
)
from converter.measuring.origin import describe_origin
from converter.measuring.sources import source_rows
from converter.plots import CURVES, draw_bars, draw_confusion, draw_reliability
from converter.tasks.base import Task
from edge.perception.manifest import Manifest, Metric
from edge.perception.pack import Pack

MIN_SOURCES = 2
"""Fewer are no comparison."""

Figures = dict[tuple[str, str], float]
"""Values by data set and metric."""


@dataclass(frozen=True)
class Evaluation:
    """The content of a report: each variant's predictions for a test split, and other metrics."""

    variants: Sequence[SplitPredictions]
    others: Sequence[Sequence[Metric]] = ()
    """Metrics of further splits, each of one split and variant, for a separate table."""
    metrics: Sequence[tuple[Metric, ...]] = ()
    """Metrics of each variant; by default they are computed from the predictions."""
    cross_validated: bool = False
    """True if the predictions for each fold are from a model of its own."""
    left_out: Sequence[Manifest] = ()
    """Manifests of packs trained without a source, with their figures on that source."""


def write_report(
    task: Task, splits: Splits, evaluation: Evaluation, pack: Pack, run: Path, folder: Path
) -> Path:
    """Describes a pack in FOLDER/NAME.md; returns that path.

    The page has the curves of `run` if the pack was made from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest, predictions = pack.manifest, evaluation.variants
    models = variants_of(pack, run)
    variants = [one for one in predictions if one.variant in models]
    costs = [cost(models[one.variant]) for one in variants]
    found = evaluation.metrics or [one.metrics(manifest) for one in predictions]
    metrics = [each for each in found if each[0].of in models]
    figures = [{(one.dataset, one.metric): one.value for one in each} for each in metrics]
    plots = _draw(variants[0], figures[0], manifest, folder)
    if (drawn := task.draw_examples(splits, manifest.input, folder)) is not None:
        plots["Input of the model"] = drawn
    curves = (run / CURVES).with_suffix(".png")
    if len(models) > 1 and curves.is_file():
        copied = shutil.copy(curves, folder / f"{manifest.name}-curves.png")
        plots["Training"] = Path(copied)
    times_ms = latencies_ms([models[one.variant] for one in variants])
    parts = [
        f"# {manifest.name} {manifest.version}: figures",
        _introduction(variants, evaluation.cross_validated, pack, splits, run),
        *_by_source(evaluation, metrics, manifest),
        _compare(variants, figures, costs, times_ms),
        *(("## Elsewhere", _elsewhere(evaluation.others)) if evaluation.others else ()),
        *_several_labels(metrics[0], *evaluation.others),
        "## Each class",
        markdown_table(HEADINGS, label_rows(variants[0], metrics[0], manifest)),
        *(f"## {title}\n\n![{title}]({path.name})" for title, path in plots.items()),
        "## What the file computes",
        _operators(costs[0]),
    ]
    page = folder / f"{manifest.name}.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def _introduction(
    variants: Sequence[SplitPredictions],
    cross_validated: bool,
    pack: Pack,
    splits: Splits,
    run: Path,
) -> str:
    first, manifest = variants[0], pack.manifest
    if cross_validated:
        which = (
            "The predictions for each sample are from a network that was trained, quantized and "
            f"calibrated without its speaker, by the same commands that made `{manifest.file}`; "
            "that file itself was trained on nearly all speakers. *int8* is the form that ships, "
            "run by LiteRT on one thread"
        )
    else:
        use = (
            "They served to calibrate the model, not to train it."
            if first.split == HELD_BACK
            else describe_origin(splits, pack, run)
        )
        which = (
            f"{use} The figures of *int8* are of the file that ships, `{manifest.file}`, run by "
            "LiteRT on one thread"
        )
    comparison = "; *float32* is the network it was made from" if len(variants) > 1 else ""
    return (
        f"Measured on {first.dataset}, {first.split} ({len(first.samples)} samples). "
        f"{which}{comparison}. Trained on {', '.join(manifest.trained_on)}. "
        f"Licence: {manifest.licence}.\n\n"
        f"This page is written by `emotion-convert report {manifest.modality} --data …`; the model "
        "cards, `models/README.md`, explain what the figures mean for users."
    )


def _by_source(
    evaluation: Evaluation, metrics: Sequence[Sequence[Metric]], manifest: Manifest
) -> Sequence[str]:
    """Returns a heading and a table of sources by emotion, left-out ones first; may be empty.

    Left-out figures in the manifest come from folds by data set.
    """
    own = [one for one in manifest.metrics if one.split == LEFT_OUT]
    own += [one for each in (*metrics, *evaluation.others) for one in each]
    headings, rows = source_rows(evaluation.left_out, own)
    if len(rows) < MIN_SOURCES:
        return ()
    title = "## Sources and the recall of each emotion, in percent"
    explained = (
        "Figures of sources that were *left out* are of other networks, trained without them."
    )
    return title, explained, markdown_table(headings, rows), "## All figures"


def _compare(
    variants: Sequence[SplitPredictions],
    figures: Sequence[Figures],
    costs: Sequence[Cost],
    times_ms: Sequence[float],
) -> str:
    """Returns the table of overall figures, one column for each variant of the model."""
    dataset = variants[0].dataset
    rows = [
        (title, *(_spread(one, dataset, key) for one in figures))
        for key, title in SHARES.items()
        if (dataset, key) in figures[0]
    ]
    rows += [
        ("size", *(f"{one.size_bytes / 1000:,.0f} KB" for one in costs)),
        ("weights and other constants", *(f"{one.parameters:,}" for one in costs)),
        ("multiply-accumulates", *(f"{one.macs / 1e6:.1f} M" for one in costs)),
        ("median time of one run here", *(f"{time_ms:.2f} ms" for time_ms in times_ms)),
    ]
    return markdown_table(("", *(predictions.variant for predictions in variants)), rows)


def _spread(figures: Figures, dataset: str, key: str) -> str:
    """Formats a share, with its deviation over folds if there is one."""
    deviation = figures.get((dataset, f"{key}_deviation"))
    return _percent(figures[dataset, key]) + (f" ± {_percent(deviation)}" if deviation else "")


def _elsewhere(others: Sequence[Sequence[Metric]]) -> str:
    """Returns the table of overall figures on other data or splits, one row each."""
    keys = ("accuracy", "uar", "macro_f1", "ece")
    rows = []
    for metrics in others:
        figures = {(one.dataset, one.metric): one.value for one in metrics}
        first = metrics[0]
        values = (_spread(figures, first.dataset, key) for key in keys)
        rows.append((f"{first.dataset}, {first.split} ({first.n}), {first.of}", *values))
    return markdown_table(("", *(SHARES[key] for key in keys)), rows)


def _several_labels(*parts: Sequence[Metric]) -> Sequence[str]:
    """Returns a heading and a table of the F1 of each label in each data set.

    Empty if samples have only one label.
    """
    prefix = f"{MULTILABEL_F1}_"
    found: dict[str, dict[str, Metric]] = {}
    for metric in (one for part in parts for one in part if one.of == "int8"):
        if metric.metric == MULTILABEL_MEAN or metric.metric.startswith(prefix):
            found.setdefault(metric.dataset, {})[metric.metric.removeprefix(prefix)] = metric
    labels = dict.fromkeys(label for each in found.values() for label in each)
    labels.pop(MULTILABEL_MEAN, None)
    rows = [
        (
            dataset,
            str(each[MULTILABEL_MEAN].n),
            *(_percent(each[name].value) if name in each else "–" for name in labels),
            _percent(each[MULTILABEL_MEAN].value),
        )
        for dataset, each in found.items()
    ]
    heading = "## Where samples have several labels: F1 by label"
    return (heading, markdown_table(("", "samples", *labels, "mean"), rows)) if rows else ()


def _draw(
    predictions: SplitPredictions, figures: Figures, manifest: Manifest, folder: Path
) -> dict[str, Path]:
    """Draws the plots; returns each with its heading."""
    dataset, probabilities = predictions.dataset, predictions.probabilities
    truth, guess = predictions.samples.majority, probabilities.argmax(axis=1)
    labels = manifest.labels
    shares = {
        kind: [figures.get((dataset, f"{kind}_{label}"), np.nan) for label in labels]
        for kind in ("precision", "recall")
    }
    counts = confusion_matrix(truth, guess, labels=range(len(labels)))
    bars, confusion, reliability = (
        folder / f"{manifest.name}-{kind}.png" for kind in ("classes", "confusion", "reliability")
    )
    confidence = probabilities.max(axis=1)
    return {
        "Precision and recall": draw_bars(labels, shares, bars),
        "Confusion": draw_confusion(counts, labels, confusion),
        "Reliability": draw_reliability(confidence, guess == truth, CALIBRATION_BINS, reliability),
    }


def _operators(found: Cost) -> str:
    return ", ".join(f"{count} × {name}" for name, count in found.operators.items()) + "."


def _percent(share: float) -> str:
    return f"{share:.1%}"
