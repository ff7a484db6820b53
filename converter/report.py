"""One page on a model pack: its figures on the test split, as Markdown with plots."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from sklearn.metrics import confusion_matrix

from converter.cost import Cost, cost, latencies_ms
from converter.evaluate import SECOND_PREFIX, Answers, ask_all
from converter.figures import CALIBRATION_BINS
from converter.plots import CURVES, draw_bars, draw_confusion, draw_reliability
from converter.samples import Splits
from converter.tasks.base import Task
from edge.emotions import softmax
from edge.perception.pack import Manifest, Pack

SHARES = {
    "accuracy": "accuracy",
    "uar": "unweighted average recall",
    "macro_f1": "macro-F1",
    "macro_f1_seven": "macro-F1 over the seven",
    "macro_f1_multilabel": "macro-F1, several labels a sample",
    "ece_uncalibrated": "calibration error (ECE) before calibration",
    "ece": "calibration error (ECE) as it ships",
}
"""The figures of the first table, in its order."""

Figures = dict[tuple[str, str], float]
"""By data set and metric."""


def write_report(task: Task, splits: Splits, pack: Pack, run: Path, folder: Path) -> Path:
    """Measures a pack on the test split and describes it in FOLDER/NAME.md; gives that path.

    Where `run` is the one that the pack was made from, its float32 model is measured beside it
    and its curves are shown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = pack.manifest
    forms = ask_all(task, splits, pack, run)
    costs = [cost(answers.model) for answers in forms]
    figures = [_figures(answers, manifest, splits) for answers in forms]
    plots = _draw(forms[0], figures[0], manifest, splits.dataset, folder)
    curves = (run / CURVES).with_suffix(".png")
    if len(forms) > 1 and curves.is_file():
        copied = shutil.copy(curves, folder / f"{manifest.name}-curves.png")
        plots["Training"] = Path(copied)
    parts = [
        f"# {manifest.name} {manifest.version}: figures",
        _introduction(task, splits, manifest, forms),
        _compare(forms, figures, costs, splits),
        "## Each class",
        _classes(forms[0], figures[0], manifest, splits.dataset),
        *(f"## {title}\n\n![{title}]({path.name})" for title, path in plots.items()),
        "## What the file computes",
        _operators(costs[0]),
    ]
    page = folder / f"{manifest.name}.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def _figures(answers: Answers, manifest: Manifest, splits: Splits) -> Figures:
    return {(one.dataset, one.metric): one.value for one in answers.metrics(manifest, splits)}


def _introduction(task: Task, splits: Splits, manifest: Manifest, forms: Sequence[Answers]) -> str:
    comparison = "; *float32* is the network it was made from" if len(forms) > 1 else ""
    return (
        f"Measured on {splits.dataset} {splits.test_split} ({len(forms[0].samples)} samples), "
        "which took no part in training, choice or calibration. The figures of *int8* are of the "
        f"file that ships, `{manifest.file}`, run by LiteRT on one thread{comparison}. "
        f"Trained on {', '.join(manifest.trained_on)}. Licence: {manifest.licence}.\n\n"
        f"This page is written by `emotion-convert report {task.modality} --data …`; what the "
        "figures mean for users is said in the model cards, `models/README.md`."
    )


def _compare(
    forms: Sequence[Answers], figures: Sequence[Figures], costs: Sequence[Cost], splits: Splits
) -> str:
    """The table of whole figures, one column a form of the model."""
    rows = [
        (title, *(_percent(one[splits.dataset, key]) for one in figures))
        for key, title in SHARES.items()
        if (splits.dataset, key) in figures[0]
    ]
    if splits.second is not None and forms[0].second is not None:
        second = splits.second
        title = f"accuracy by {second.dataset}'s labels ({second.test_split}, "
        title += f"{len(forms[0].second[0])} samples)"
        key = second.dataset, f"{SECOND_PREFIX}accuracy"
        rows.append((title, *(_percent(one[key]) for one in figures)))
    times_ms = latencies_ms([answers.model for answers in forms])
    rows += [
        ("size", *(f"{one.size_bytes / 1000:,.0f} KB" for one in costs)),
        ("weights and other constants", *(f"{one.parameters:,}" for one in costs)),
        ("multiply-accumulates", *(f"{one.macs / 1e6:.1f} M" for one in costs)),
        ("median time of one run here", *(f"{time_ms:.2f} ms" for time_ms in times_ms)),
    ]
    return _table(("", *(answers.of for answers in forms)), rows)


def _classes(answers: Answers, figures: Figures, manifest: Manifest, dataset: str) -> str:
    counts = answers.samples.counts()
    return _table(
        ("label", "among the seven", "samples", "precision", "recall"),
        [
            (
                label,
                manifest.label_map[label] or "–",
                str(counts[label]),
                _percent(figures[dataset, f"precision_{label}"]),
                _percent(figures[dataset, f"recall_{label}"]),
            )
            for label in manifest.labels
        ],
    )


def _draw(
    answers: Answers, figures: Figures, manifest: Manifest, dataset: str, folder: Path
) -> dict[str, Path]:
    """The plots, each with the heading it goes under."""
    probabilities = softmax(answers.logits, manifest.temperature)
    truth, guess = answers.samples.majority, probabilities.argmax(axis=1)
    labels = manifest.labels
    shares = {
        kind: [figures[dataset, f"{kind}_{label}"] for label in labels]
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


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
