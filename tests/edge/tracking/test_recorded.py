"""A recorded sequence of observations and what was once made of it, so that it stays the same.

`recorded.json` holds 24 s of synthetic faces, voices and texts of two people
(benchmarks/harness/streams.py), fused with
`recorded_fusion.json`, and, after each, the state of the primary subject and the changes.
"""

import json
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.config import Fusion, Tracking
from edge.fusion.model import load_fusion
from edge.tracking.tracker import Tracker
from edge.values import Observation, Sighting

FILE = Path(__file__).with_name("recorded.json")
RECORDED = json.loads(FILE.read_text(encoding="utf-8"))
TOLERANCE = 1e-5


def _observation(
    modality: str, subject: int, at_s: float, quality: float, probabilities: list[float]
) -> Observation:
    return Observation(modality, subject, at_s, np.array(probabilities, np.float32), quality)


def _item(kind: str, at_s: float, *rest: Any) -> Observation | Sighting:
    if kind != "sighting":
        return _observation(kind, 0, at_s, *rest)
    seen = tuple(_observation("face", one[0], at_s, *one[1:]) for one in rest[0])
    subjects = [*(one.subject for one in seen), *rest[1]]
    return Sighting(seen, len(seen), at_s, min(subjects, default=None), frozenset(subjects))


def play(items: list[Any]) -> list[Any]:
    """Returns state and changes after each item."""
    ids = count(1)
    model = load_fusion(FILE.with_name("recorded_fusion.json"))
    fusion = Fusion(strategy="log_linear")
    tracker = Tracker(Tracking(), fusion, model, 0.0, lambda: f"episode {next(ids)}")
    answers = []
    for item in items:
        changes = tracker.observe(_item(*item)) + tracker.pass_time(item[1])
        state = tracker.state
        probabilities = state.belief.probabilities.tolist() if state.belief else []
        shares = sorted(state.belief.contributions.items()) if state.belief else []
        answers.append(
            [
                state.subject,
                state.emotion,
                [round(one, 6) for one in probabilities],
                [[name, round(share, 6)] for name, share in shares],
                [[one.episode, one.phase, one.state.emotion, one.sequence] for one in changes],
            ]
        )
    return answers


def test_a_recorded_sequence_is_still_read_as_it_was() -> None:
    for found, expected in zip(play(RECORDED["items"]), RECORDED["answers"], strict=True):
        assert found[2] == pytest.approx(expected[2], abs=TOLERANCE)
        assert dict(found[3]) == pytest.approx(dict(expected[3]), abs=TOLERANCE)
        assert [*found[:2], found[4]] == [*expected[:2], expected[4]]
