"""Plots of a run and of a report, drawn with matplotlib."""

import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from edge.emotions import FloatArray
from edge.values import Sound

CURVES = "curves.csv"
"""In a run: loss and accuracy by epoch; the plot of it has the suffix .png."""
DOTS_PER_INCH = 110
INK, ACCENT, PALE = "#22313f", "#d35400", "#95a5a6"


def draw_curves(table: Path) -> Path:
    """Plots loss and accuracy by epoch, from the table of a run, into a PNG beside it."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, ending in zip(axes, ("loss", "accuracy"), strict=True):
        names = [name for name in (rows[0] if rows else ()) if name.endswith(ending)]
        for name in names:
            held_back = name.startswith("val_")
            axis.plot(
                [int(row["epoch"]) + 1 for row in rows],
                [float(row[name]) for row in rows],
                linestyle="-" if held_back else ":",
                label=f"{name.removeprefix('val_')}, {'held back' if held_back else 'training'}",
            )
        axis.set(xlabel="epoch", ylabel=ending)
        axis.legend(fontsize=7, frameon=False)
    return _save(figure, table.with_suffix(".png"))


def draw_confusion(counts: npt.NDArray[np.intp], labels: Sequence[str], path: Path) -> Path:
    """Plots the confusion matrix, true labels in rows; colours are shares of the row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.8 + 0.62 * len(labels)
    figure, axis = plt.subplots(figsize=(side, side * 0.86), layout="constrained")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        if not counts[row, column]:
            continue
        colour = "white" if shares[row, column] > 0.5 else INK
        text = f"{shares[row, column]:.0%}\n{counts[row, column]}"
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axis.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xlabel="predicted label", ylabel="annotators' label")
    return _save(figure, path)


def draw_reliability(
    confidence: FloatArray, correct: npt.NDArray[np.bool_], bins: int, path: Path
) -> Path:
    """Plots accuracy by confidence, and the number of predictions by confidence."""
    edges = np.linspace(0, 1, bins + 1)
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(index, minlength=bins)
    accuracy = np.bincount(index, weights=correct, minlength=bins) / np.maximum(counts, 1)
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(4.2, 4.8), height_ratios=(3, 1), sharex=True, layout="constrained"
    )
    upper.bar(edges[:-1], accuracy, width=1 / bins, align="edge", color=ACCENT, edgecolor="white")
    upper.plot((0, 1), (0, 1), color=INK, linestyle="--", linewidth=1, label="calibrated")
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    upper.legend(frameon=False, loc="upper left")
    lower.bar(edges[:-1], counts, width=1 / bins, align="edge", color=PALE, edgecolor="white")
    lower.set(xlabel="confidence", ylabel="predictions")
    return _save(figure, path)


def draw_risk_coverage(
    curves: dict[str, tuple[FloatArray, npt.NDArray[np.bool_]]], least: float, path: Path
) -> Path:
    """Plots the share that is right of the most confident predictions, by their share of all.

    Each curve has confidences and which are correct; a dot marks the confidence `least`.
    """
    figure, axis = plt.subplots(figsize=(4.6, 3.6), layout="constrained")
    for (name, (confidence, correct)), colour in zip(
        curves.items(), (ACCENT, INK, PALE), strict=False
    ):
        order = np.argsort(-confidence, kind="stable")
        counts = np.arange(1, len(order) + 1)
        right = np.cumsum(correct[order]) / counts
        axis.plot(counts / len(order), right, color=colour, label=name)
        told = int((confidence >= least).sum())
        if told:
            axis.plot(told / len(order), right[told - 1], "o", color=colour)
    axis.set(xlabel="share told", ylabel="right of what is told", xlim=(0, 1), ylim=(0, 1.02))
    axis.legend(frameon=False, title=f"dot: confidence of {least}", loc="lower left")
    return _save(figure, path)


def draw_bars(labels: Sequence[str], series: dict[str, list[float]], path: Path) -> Path:
    """Plots groups of bars, one group a label and one colour a series; values 0..1."""
    figure, axis = plt.subplots(figsize=(1.6 + 0.8 * len(labels), 3.2), layout="constrained")
    width = 0.8 / len(series)
    for index, (name, values) in enumerate(series.items()):
        places = np.arange(len(labels)) + (index - (len(series) - 1) / 2) * width
        axis.bar(places, values, width, label=name, color=(ACCENT, INK, PALE)[index % 3])
    axis.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axis.set(ylabel="share", ylim=(0, 1))
    axis.legend(frameon=False, ncols=len(series), fontsize=8)
    return _save(figure, path)


def draw_sounds(examples: dict[str, list[tuple[Sound, FloatArray]]], path: Path) -> Path:
    """Plots waveforms of some sounds of each label, each above its features over time."""
    columns = max(len(sounds) for sounds in examples.values())
    figure, axes = plt.subplots(
        2 * len(examples),
        columns,
        figsize=(3.6 * columns, 1.7 * len(examples)),
        height_ratios=(1, 2) * len(examples),
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], frame_on=False)
    for row, (label, sounds) in enumerate(examples.items()):
        for column, (sound, features) in enumerate(sounds):
            wave, bands = axes[2 * row : 2 * row + 2, column]
            wave.plot(sound, color=INK, linewidth=0.3)
            wave.set(xlim=(0, len(sound)))
            bands.imshow(features.T, origin="lower", aspect="auto", cmap="magma")
            if column == 0:
                bands.set_ylabel(label, fontsize=9)
    return _save(figure, path)


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=DOTS_PER_INCH)
    plt.close(figure)
    return path
