"""Rest of the detector while nobody is there and nothing moves, on frames of a real clip."""

from collections.abc import Iterable

import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames
from edge.perception.detector import Face
from edge.perception.face_tracker import FaceTracker
from edge.perception.loader import ModelLoader
from edge.perception.rest import AFTER_S
from edge.values import Pixels

FPS = 15
INTERVAL_S = 1.0
QUIET_S = AFTER_S + 2
"""Long enough for the detector to rest."""
PEOPLE = [one.pixels for one in read_frames(HAPPY_CLIP, FPS)]
ROOM = [np.ascontiguousarray(np.tile(one[:, :80], (1, 6, 1))) for one in PEOPLE]
"""The wall behind the person, with the noise of the camera."""


class Watched:
    """A face tracker whose detections are counted."""

    def __init__(self, loader: ModelLoader, interval_s: float = INTERVAL_S) -> None:
        self._detector, self.now_s = loader.detector, 0.0
        self.detections: list[float] = []
        self._tracker = FaceTracker(self._detect, 1, 8, 2.0, interval_s)

    def _detect(self, pixels: Pixels) -> list[Face]:
        self.detections.append(self.now_s)
        return self._detector.detect(pixels)

    def watch(self, pictures: Iterable[Pixels]) -> list[float]:
        """Returns the times at which a face is seen."""
        seen = []
        for pixels in pictures:
            self.now_s += 1 / FPS
            if self._tracker.update(pixels, self.now_s):
                seen.append(self.now_s)
        return seen

    def rest(self, pictures: list[Pixels] = ROOM) -> float:
        """Shows an empty room until the detector rests; returns the time."""
        assert not self.watch(pictures[i % len(pictures)] for i in range(round(QUIET_S * FPS)))
        return self.now_s


def _dark(pictures: list[Pixels]) -> list[Pixels]:
    """Returns pictures as a camera takes them by the light of a standby lamp, with its noise."""
    noise = np.random.default_rng(0).normal(0, 6, pictures[0].size)
    return [
        np.asarray((one * 0.2 + np.roll(noise, 7919 * i).reshape(one.shape)).clip(0, 255), np.uint8)
        for i, one in enumerate(pictures)
    ]


def test_in_an_empty_room_faces_are_looked_for_once_a_second(loader: ModelLoader) -> None:
    watched = Watched(loader)
    watched.rest()
    count = len(watched.detections)
    watched.rest()
    assert len(watched.detections) - count == pytest.approx(QUIET_S / INTERVAL_S, abs=1)


def test_noise_in_the_dark_does_not_wake_the_detector(loader: ModelLoader) -> None:
    watched, dark = Watched(loader), _dark(ROOM)
    watched.rest(dark)
    count = len(watched.detections)
    watched.rest(dark)
    assert len(watched.detections) - count == pytest.approx(QUIET_S / INTERVAL_S, abs=1)


def test_who_appears_is_seen_in_the_first_picture_and_in_each_one_after(
    loader: ModelLoader,
) -> None:
    watched = Watched(loader)
    since_s = watched.rest()
    expected = [since_s + index / FPS for index in range(1, len(PEOPLE) + 1)]
    assert watched.watch(PEOPLE) == pytest.approx(expected)


def test_who_emerges_slowly_from_the_dark_is_seen_a_second_later_at_most(
    loader: ModelLoader,
) -> None:
    shares = np.linspace(0, 1, 3 * FPS)
    emerging = _dark(
        [
            np.asarray(ROOM[i % len(ROOM)] * (1 - share) + PEOPLE[0] * share, np.uint8)
            for i, share in enumerate(shares)
        ]
    )
    visible = [bool(loader.detector.detect(one)) for one in emerging]
    sure = len(visible) - visible[::-1].index(False)  # visible from here on
    watched = Watched(loader)
    since_s = watched.rest(_dark(ROOM))
    seen_s = watched.watch(emerging)
    assert since_s + 0.2 < seen_s[0] <= since_s + sure / FPS + INTERVAL_S


def test_without_an_interval_the_detector_never_rests(loader: ModelLoader) -> None:
    watched = Watched(loader, 0.0)
    watched.rest()
    assert len(watched.detections) == round(QUIET_S * FPS)


def test_while_somebody_is_there_every_picture_is_looked_at(loader: ModelLoader) -> None:
    watched = Watched(loader)
    still = [PEOPLE[0]] * round(QUIET_S * FPS)
    assert len(watched.watch(still)) == len(still) == len(watched.detections)
