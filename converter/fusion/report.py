"""A page on fusion of people who were left out of learning: Markdown with plots."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from converter.fusion.figures import CENTRED, FIRST_MET, KNOWN, Answers, Truth
from converter.fusion.simulated_pairs import pair_metrics
from converter.measuring.markdown import markdown_table
from converter.measuring.metrics import CALIBRATION_BINS
from converter.plots import draw_reliability, draw_risk_coverage
from edge.config import Fusion, Tracking
from edge.emotions import EMOTIONS, FloatArray
from edge.fusion.model import Figure
from edge.fusion.pooling import STRATEGIES

PAIRS = "pairs, "
HEADINGS = ("", "mean recall", "accuracy", "ECE", "told", "right of what is told")


def write_fusion_report(answers: Answers, pairs: Sequence[Figure], folder: Path) -> Path:
    """Describes fusion on people in FOLDER/fusion.md; returns that path.

    `pairs` are figures measured on simulated pairs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    least, strategy = Tracking().min_confidence, Fusion().strategy
    both = {name: answers.beliefs[strategy, name] for name in (FIRST_MET, KNOWN, CENTRED)}
    for name, beliefs in both.items():
        correct = beliefs.argmax(axis=1) == answers.truth
        path = folder / f"fusion-reliability-{_slug(name)}.png"
        draw_reliability(beliefs.max(axis=1), correct, CALIBRATION_BINS, path)
    curves = {
        name: (one.max(axis=1), one.argmax(axis=1) == answers.truth) for name, one in both.items()
    }
    draw_risk_coverage(curves, least, folder / "fusion-coverage.png")
    page = folder / "fusion.md"
    lines = [*_page(answers, both, least), *compare_strategies((*answers.figures, *pairs))]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def compare_strategies(figures: Sequence[Figure]) -> Iterator[str]:
    """Yields a section with the figure of each strategy on each kind of people or pairs."""
    found = {(one.strategy, one.pairs, one.metric): one for one in figures}
    names = [one for one in STRATEGIES if any(name == one for name, *_ in found)]
    rows = []
    for kind in dict.fromkeys(one.pairs for one in figures if one.strategy in names):
        metric, name = ("uar", kind) if kind.startswith(FIRST_MET) else ("accuracy", PAIRS + kind)
        values = [found[strategy, kind, metric].value for strategy in names]
        best = max(values)
        error = np.sqrt(best * (1 - best) / found[names[0], kind, metric].n)
        shown = [f"**{one:.1%}**" if one == best else f"{one:.1%}" for one in values]
        rows.append((name, *shown, f"{error:.1%}"))
    yield "\n## Which strategy wins where\n"
    yield (
        "Mean recall of people left out, and accuracy on simulated pairs of a face, a voice and a "
        "text with the same emotion, learned on one half of the samples and measured on the other. "
        "The standard error is that of one figure.\n"
    )
    yield markdown_table(("", *names, "standard error"), rows)


def _page(answers: Answers, both: dict[str, FloatArray], least: float) -> Iterator[str]:
    yield "# Fusion of people left out\n"
    yield (
        f"{len(answers.truth)} clips of a face and a voice, each read as a whole. What fusion "
        "learned for a person is from the other people and from simulated pairs. `people` are met "
        "for the first time; `people, known` are read relative to what their other clips taught "
        "the device about them; `people, centred` relative to the mean of the other clips, which "
        "show all emotions equally often, as the device cannot know. *Told*: a confidence of "
        f"{least} (`tracking.min_confidence`) or more; the rest is `unknown`.\n"
    )
    yield markdown_table(
        HEADINGS,
        [
            (f"{strategy}, {pairs}", *_cells(one, answers.truth, least))
            for (strategy, pairs), one in answers.beliefs.items()
        ],
    )
    occurring = np.unique(answers.truth)
    yield "\nRecall of each emotion:\n"
    yield markdown_table(
        ("", *(EMOTIONS[label] for label in occurring)),
        [
            (
                name,
                *(
                    f"{(one[answers.truth == label].argmax(1) == label).mean():.0%}"
                    for label in occurring
                ),
            )
            for name, one in both.items()
        ],
    )
    yield "\n![Right of what is told, by the share told](fusion-coverage.png)\n"
    for name in both:
        yield f"![Accuracy by confidence, {name}](fusion-reliability-{_slug(name)}.png)"


def _cells(beliefs: FloatArray, truth: Truth, least: float) -> list[str]:
    found, told = pair_metrics(beliefs, truth), beliefs.max(axis=1) >= least
    right = f"{(beliefs.argmax(axis=1) == truth)[told].mean():.0%}" if told.any() else "–"
    shares = [f"{found[name]:.1%}" for name in ("uar", "accuracy")]
    return [*shares, f"{found['ece']:.3f}", f"{told.mean():.0%}", right]


def _slug(name: str) -> str:
    return name.replace(", ", "-")
