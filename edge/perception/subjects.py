"""Gives each face a number that it keeps while the person stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from edge.perception.detector import Face
from edge.perception.features import Pixels
from edge.perception.motion import FaceMotion

# A face is taken for one seen before when its middle is nearer than this many widths of it …
MAX_DISTANCE_WIDTHS = 0.8
# … and neither is larger than the other by more than this factor.
MAX_GROWTH = 2.0
# Another face is the primary one once it covers this much more: two people side by side do not
# take turns.
PRIMARY_MARGIN = 1.3

Detect = Callable[[Pixels], list[Face]]


@dataclass
class Subject:
    """One person's face, where it was last seen."""

    number: int
    face: Face
    seen_s: float


class Subjects:
    """Detects faces in every n-th frame and follows them in those between.

    A subject that is not seen for `keep_s` is forgotten; one that comes back earlier, near where
    it was, keeps its number. Numbers begin with 1 and are never used twice. Not thread-safe.
    """

    def __init__(self, detect: Detect, detect_every: int, max_faces: int, keep_s: float) -> None:
        self._detect, self._detect_every = detect, detect_every
        self._max_faces, self._keep_s = max_faces, keep_s
        self._motion = FaceMotion()
        self._numbers = count(1)
        self._known: list[Subject] = []
        self._primary: int | None = None
        self._last_s: float | None = None
        self._until_detection = 0
        self.faces = 0
        """In the newest frame, also beyond the most that are followed."""

    def update(self, pixels: Pixels, captured_s: float) -> list[Subject]:
        """The subjects in a frame, uint8 HxWx3 BGR: the primary one first, then by size."""
        self._known = [one for one in self._known if captured_s - one.seen_s <= self._keep_s]
        if not self._move(pixels, captured_s):
            self._recognize(self._detect(pixels), captured_s)
            self._until_detection = self._detect_every
        self._until_detection -= 1
        self._last_s = captured_s
        return self._by_size([one for one in self._known if one.seen_s == captured_s])

    def _move(self, pixels: Pixels, captured_s: float) -> bool:
        """Follows the faces of the last frame into this one; whether that was possible."""
        if self._detect_every == 1:
            return False
        if self._until_detection == 0:
            self._motion.look(pixels)
            return False
        visible = [one for one in self._known if one.seen_s == self._last_s]
        moved = self._motion.move(pixels, [one.face for one in visible])
        if any(face is None for face in moved):
            return False
        for subject, face in zip(visible, moved, strict=True):
            assert face is not None
            subject.face, subject.seen_s = face, captured_s
        return True

    def _recognize(self, faces: Sequence[Face], captured_s: float) -> None:
        """Gives the faces of a frame, the largest first, to known subjects or new ones."""
        self.faces = len(faces)
        followed = list(faces[: self._max_faces])
        distances = np.array(
            [[_distance(one.face, face) for face in followed] for one in self._known]
        )
        # The nearest pair is matched first, and takes both out of the choice.
        while distances.size and (nearest := distances.min()) < MAX_DISTANCE_WIDTHS:
            row, column = np.argwhere(distances == nearest)[0]
            self._known[row].face, self._known[row].seen_s = followed[column], captured_s
            distances[row, :] = distances[:, column] = np.inf
        known = {id(one.face) for one in self._known}
        self._known += [
            Subject(next(self._numbers), face, captured_s)
            for face in followed
            if id(face) not in known
        ]

    def _by_size(self, seen: list[Subject]) -> list[Subject]:
        if not seen:
            return []
        ordered = sorted(seen, key=lambda one: -one.face.area)
        held = next((one for one in ordered if one.number == self._primary), None)
        if held is None or ordered[0].face.area > PRIMARY_MARGIN * held.face.area:
            held = ordered[0]
        self._primary = held.number
        return [held, *(one for one in ordered if one is not held)]


def _distance(before: Face, after: Face) -> float:
    """Between the middles of two boxes, in mean widths; infinite where the sizes do not fit."""
    widths = before.box[2] - before.box[0], after.box[2] - after.box[0]
    if max(widths) > MAX_GROWTH * min(widths):
        return float("inf")
    gap = (before.box[:2] + before.box[2:] - after.box[:2] - after.box[2:]) / 2
    return float(np.hypot(*gap) / (sum(widths) / 2))
