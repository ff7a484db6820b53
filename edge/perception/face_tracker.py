"""Gives each face a number that it keeps as long as the person is in view."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from edge.perception.detector import Face
from edge.perception.features import Pixels
from edge.perception.optical_flow import OpticalFlow
from edge.perception.orientation import SURE_SCORE, Detect, put_upright
from edge.perception.rest import Rest

# A face matches a known one if their centres are closer than this many face widths …
MAX_DISTANCE_WIDTHS = 0.8
# … and neither is larger than the other by more than this factor.
MAX_GROWTH = 2.0
# Another face becomes the primary one once it is larger by this factor: two people side by side
# do not take turns.
PRIMARY_MARGIN = 1.3
# Nobody turns upside down faster: an upright face is not checked again before.
RECHECK_S = 1.0


@dataclass(eq=False)
class Subject:
    """One person's face, at its last known position."""

    number: int
    face: Face
    seen_s: float
    checked_s: float = -math.inf
    """Time of the last check of its orientation."""
    detected_upright: bool = False
    """Result of that check: the detector takes this face for what it is."""


class FaceTracker:
    """Detects faces in every n-th frame and tracks them in the frames between.

    Faces that may be upside down are put upright, at most one with each detection. While nobody is
    there and nothing moves, one picture in every `rest_interval_s` is detected; 0 never rests.

    A subject that is not seen for `keep_s` is forgotten. A subject that returns earlier, near its
    last position, keeps its number and, if it was primary, stays primary. Numbers start at 1 and
    are never reused. Not thread-safe.
    """

    def __init__(
        self,
        detect: Detect,
        detect_every: int,
        max_faces: int,
        keep_s: float,
        rest_interval_s: float = 0.0,
    ) -> None:
        self._detect, self._rest = detect, Rest(rest_interval_s)
        self.detect_every = detect_every
        """May change between two frames."""
        self._max_faces, self._keep_s = max_faces, keep_s
        self._optical_flow = OpticalFlow()
        self._numbers = count(1)
        self._known: list[Subject] = []
        self._visible: list[Subject] = []
        self._until_detection = 0
        self.primary: int | None = None
        """Number of the largest face, by PRIMARY_MARGIN; kept while it is briefly hidden."""

    @property
    def faces(self) -> int:
        """Number of faces in the newest frame, including those beyond `max_faces`."""
        return len(self._visible)

    @property
    def tracked(self) -> frozenset[int]:
        """Numbers of all subjects that have not left, including briefly hidden ones."""
        return frozenset(one.number for one in self._known)

    def update(self, pixels: Pixels, captured_s: float) -> list[Subject]:
        """Tracks or detects the faces in the next frame, uint8 HxWx3 BGR.

        Returns the subjects of the `max_faces` largest ones, the primary subject first.
        """
        self._known = [one for one in self._known if captured_s - one.seen_s <= self._keep_s]
        self._visible = [one for one in self._visible if one in self._known]
        if self._rest.skips(pixels, captured_s, bool(self._known)):
            self._until_detection = 0
            return []
        detected = not self._track(pixels)
        if detected:
            self._visible = self._match(self._detect(pixels))
            self._until_detection = self.detect_every
        self._until_detection -= 1
        for subject in self._visible:
            subject.seen_s = captured_s
        ordered = sorted(self._visible, key=lambda one: -one.face.area)
        self._choose_primary(ordered)
        ordered.sort(key=lambda one: one.number != self.primary)
        largest = ordered[: self._max_faces]
        if detected:
            self._put_upright(pixels, largest, captured_s)
        return largest

    def _track(self, pixels: Pixels) -> bool:
        """Tracks the faces of the last frame into this one; False if detection is needed."""
        if self.detect_every == 1:
            return False
        if self._until_detection == 0:
            self._optical_flow.set_reference(pixels)
            return False
        moved = self._optical_flow.track(pixels, [one.face for one in self._visible])
        if any(face is None for face in moved):
            return False
        for subject, face in zip(self._visible, moved, strict=True):
            assert face is not None
            subject.face = face
        return True

    def _match(self, faces: Sequence[Face]) -> list[Subject]:
        """Assigns each detected face to a known subject, or to a new one."""
        owners: dict[int, Subject] = {}
        distances = np.array([[_distance(one.face, face) for face in faces] for one in self._known])
        # The nearest pair is matched first; neither of the two can match again.
        while distances.size and (nearest := distances.min()) < MAX_DISTANCE_WIDTHS:
            row, column = np.argwhere(distances == nearest)[0]
            owners[int(column)] = self._known[row]
            distances[row, :] = distances[:, column] = np.inf
        for index, face in enumerate(faces):
            if index in owners:
                owners[index].face = face
            else:
                owners[index] = Subject(next(self._numbers), face, 0.0)
                self._known.append(owners[index])
        return [owners[index] for index in range(len(faces))]

    def _put_upright(self, pixels: Pixels, subjects: Sequence[Subject], now_s: float) -> None:
        """Corrects the doubtful face whose orientation was checked longest ago, and marks others.

        A face that the last check found to be detected upright counts as upright for RECHECK_S.
        """
        doubtful = [
            one
            for one in subjects
            if one.face.score < SURE_SCORE
            and not (one.detected_upright and now_s - one.checked_s < RECHECK_S)
        ]
        if not doubtful:
            return
        chosen = min(doubtful, key=lambda one: one.checked_s)
        upright = put_upright(self._detect, pixels, chosen.face)
        chosen.checked_s, chosen.detected_upright = now_s, upright is chosen.face
        for one in doubtful:
            if one is not chosen and not one.detected_upright:
                one.face = replace(one.face, may_be_rolled=True)
        chosen.face = upright

    def _choose_primary(self, ordered: Sequence[Subject]) -> None:
        """Keeps the primary subject unless another face is larger by PRIMARY_MARGIN."""
        holder = next((one for one in self._known if one.number == self.primary), None)
        if holder is None:
            self.primary = ordered[0].number if ordered else None
        elif ordered and ordered[0].face.area > PRIMARY_MARGIN * holder.face.area:
            self.primary = ordered[0].number


def _distance(before: Face, after: Face) -> float:
    """Returns the distance of two box centres in mean widths; infinite if the sizes do not fit."""
    widths = before.box[2] - before.box[0], after.box[2] - after.box[0]
    if max(widths) > MAX_GROWTH * min(widths):
        return float("inf")
    gap = (before.box[:2] + before.box[2:] - after.box[:2] - after.box[2:]) / 2
    return float(np.hypot(*gap) / (sum(widths) / 2))
