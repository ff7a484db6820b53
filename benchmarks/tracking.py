"""Compares smoothing filters, and measures the time and memory that an observation takes.

python benchmarks/tracking.py: on the synthetic streams of benchmarks/harness/streams.py, at five
pictures a second. The parameters of each filter were the best in a search over the same streams
with other seeds: the fastest of those that start no false event within half an hour.
"""

import os
import time
from collections.abc import Iterator
from itertools import count
from unittest.mock import patch

import msgspec
import numpy as np

from benchmarks.harness.streams import (
    ANGRY,
    HAPPY,
    LOOKS_ANGRY,
    NEUTRAL,
    SAD,
    Face,
    sighting,
    times,
    voice,
)
from edge.commands.terminal import table
from edge.config import Fusion, Tracking
from edge.emotions import FloatArray
from edge.fusion.model import load_fusion
from edge.machine import rss_mb
from edge.resources import MODELS
from edge.tracking import person
from edge.tracking.smoothing import Smoothing
from edge.tracking.tracker import Tracker
from edge.values import Observation, Sighting

SEEDS = range(100, 130)
STEADY_S = 3600.0
STEADY = ((NEUTRAL, "neutral"), (HAPPY, "happy"), (LOOKS_ANGRY, "neutral"))
"""Expressions that a face shows, each with its meaning."""
MANY = 1_000_000


class HiddenMarkov(Smoothing):
    """The forward step of a hidden Markov model whose states last DURATION_S on average.

    All next states are equally likely. Observations are weighted by the exponent EVIDENCE, because
    successive pictures are not independent.
    """

    DURATION_S, EVIDENCE = 300.0, 0.7

    def __init__(self, time_constant_s: float) -> None:
        super().__init__(time_constant_s)
        self._belief: tuple[FloatArray, float] | None = None

    def take(self, probabilities: FloatArray, captured_s: float) -> FloatArray:
        """Returns the belief, float32[7], after one more picture."""
        belief = np.maximum(probabilities, 1e-4) ** np.float32(self.EVIDENCE)
        if self._belief is not None:
            before, before_s = self._belief
            leaves = np.float32(1 - np.exp((before_s - captured_s) / self.DURATION_S))
            belief = belief * ((1 - leaves) * before + leaves / len(belief))
        belief = np.asarray(belief / belief.sum(), np.float32)
        self._belief = belief, captured_s
        return belief


def _tracker(tracking: Tracking) -> Tracker:
    ids = count()
    model = load_fusion(MODELS / "fusion.json")
    return Tracker(tracking, Fusion(), model, 0.0, lambda: str(next(ids)))


def _starts(tracking: Tracking, stream: Iterator[Sighting]) -> list[tuple[float, str]]:
    tracker, found = _tracker(tracking), []
    for one in stream:
        for change in tracker.observe(one) + tracker.pass_time(one.captured_s):
            if change.phase == "start":
                found.append((change.started_s, str(change.state.emotion)))
    return found


def _becomes(shown: dict[str, float], seed: int) -> Iterator[Sighting]:
    face = Face(1, np.random.default_rng(seed))
    for t in times(0, 20):
        yield sighting(t, face.look(NEUTRAL if t < 15 else shown, t))


def _delay_s(tracking: Tracking, shown: dict[str, float], seed: int) -> float:
    emotion = next(iter(shown))
    starts = [t for t, e in _starts(tracking, _becomes(shown, seed)) if e == emotion and t >= 15]
    return starts[0] - 15 if starts else float("inf")


def _false_starts(tracking: Tracking, shown: dict[str, float], meant: str) -> int:
    face = Face(1, np.random.default_rng(99))
    stream = (sighting(t, face.look(shown, t)) for t in times(0, STEADY_S))
    return sum(emotion != meant for _, emotion in _starts(tracking, stream))


def _compare() -> None:
    own = Tracking()
    quick = msgspec.structs.replace(own, hysteresis=0.1, min_dwell_s=0.2)
    filters: dict[str, tuple[type[Smoothing], Tracking]] = {
        "exponential in log space": (Smoothing, own),
        "hidden Markov": (HiddenMarkov, quick),
        "none": (Smoothing, msgspec.structs.replace(own, smoothing_s=0.0)),
    }
    rows = []
    for name, (smoothing, tracking) in filters.items():
        with patch.object(person, "Smoothing", smoothing):
            delays = [_delay_s(tracking, e, s) for e in (ANGRY, HAPPY, SAD) for s in SEEDS]
            false = [_false_starts(tracking, shown, meant) for shown, meant in STEADY]
        quantiles = [f"{np.quantile(delays, share):.1f}" for share in (0.5, 0.9)]
        rows.append((name, *quantiles, *map(str, false)))
    print(f"{len(SEEDS) * 3} changes from neutral; false events in {STEADY_S / 3600:.0f} h of")
    heads = ["filter", "delay p50, s", "p90", "neutral", "happy", "resting face"]
    print(table(heads, rows))


def _at(one: Observation, captured_s: float) -> Observation:
    """Returns the observation at another time."""
    return Observation(one.modality, one.subject, captured_s, one.probabilities, one.quality)


def _long_stream(length: int) -> Iterator[Observation | Sighting]:
    """Yields three faces and a voice; the pictures repeat while time goes on."""
    rng = np.random.default_rng(0)
    faces = [Face(n, rng) for n in (1, 2, 3)]
    pictures = [[face.look(NEUTRAL, 0.0) for face in faces] for _ in range(200)]
    voices = [voice(NEUTRAL, 0.0, rng) for _ in range(50)]
    yielded = index = 0
    while yielded < length:
        t = index * 0.2
        seen = [_at(one, t) for one in pictures[index % len(pictures)]]
        yield sighting(t, *seen)
        yielded += len(seen)
        if index % 3 == 0:
            yield _at(voices[index % len(voices)], t)
            yielded += 1
        index += 1


def _size(item: Observation | Sighting) -> int:
    return len(item.observations) if isinstance(item, Sighting) else 1


def _memory() -> None:
    held: list[float] = []
    tracker, observations = _tracker(Tracking()), 0
    for item in _long_stream(MANY):
        tracker.observe(item)
        observations += _size(item)
        if observations // (MANY // 10) > len(held):
            held.append(rss_mb(os.getpid()))
    print(f"\nresident after each tenth of {MANY} observations of three faces and a voice, MB:")
    print(", ".join(f"{one:.1f}" for one in held))


def _cost() -> None:
    tracker, spent_s = _tracker(Tracking()), []
    for item in _long_stream(20_000):
        started_s = time.perf_counter()
        tracker.observe(item)
        spent_s += [(time.perf_counter() - started_s) / _size(item)] * _size(item)
    middle, high = np.quantile(spent_s, [0.5, 0.99]) * 1000
    print(f"\nan observation, fused and tracked: {middle:.3f} ms, p99 {high:.3f} ms")


if __name__ == "__main__":
    _compare()
    _cost()
    _memory()
