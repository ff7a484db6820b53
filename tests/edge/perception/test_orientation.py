import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.roll import rolled
from edge.capture.media import read_frames
from edge.config import Models
from edge.emotions import EMOTIONS
from edge.perception.detector import Face
from edge.perception.face import FacePerception
from edge.perception.face_tracker import FaceTracker
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.perception.orientation import SURE_SCORE, put_upright
from edge.values import Frame, Observation


@pytest.fixture(scope="module")
def smile() -> Pixels:
    return next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels


class Counting:
    """A detector that counts its calls."""

    def __init__(self, loader: ModelLoader) -> None:
        self._detector, self.calls = loader.detector, 0

    def __call__(self, pixels: Pixels) -> list[Face]:
        self.calls += 1
        return self._detector.detect(pixels)


def _emotion(observation: Observation) -> str:
    return EMOTIONS[int(observation.probabilities.argmax())]


def _two_hang_upside_down(smile: Pixels) -> Pixels:
    """Two people of the same size in one picture, upside down."""
    person = cv2.resize(smile[60:300, 110:350], (300, 300), interpolation=cv2.INTER_AREA)
    scene = np.full((480, 640, 3), 90, np.uint8)
    scene[90:390, 10:310] = scene[90:390, 330:630] = np.rot90(person, 2)
    return scene


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_a_smile_is_read_at_every_roll(loader: ModelLoader, smile: Pixels, degrees: int) -> None:
    seen = loader.new_face().perceive(Frame(rolled(smile, degrees), 0.0)).primary
    if 180 < degrees < 240:  # the detector misses many of these, which does no harm
        assert seen is None or _emotion(seen) == "happy"
    else:
        assert seen is not None
        assert (_emotion(seen), seen.quality > 0.7) == ("happy", True)


@pytest.mark.parametrize("degrees", [90, 120, 150, 180, 270])
def test_the_eyes_of_a_rolled_face_are_found(
    loader: ModelLoader, smile: Pixels, degrees: int
) -> None:
    upright = loader.detector.detect(rolled(smile, 0))[0]
    picture = rolled(smile, degrees)
    detected = loader.detector.detect(picture)[0]
    assert detected.score < SURE_SCORE
    corrected = put_upright(loader.detector.detect, picture, detected)
    middle = (picture.shape[0] - 1) / 2
    turn = np.exp(1j * np.radians(degrees))
    for found, eye in zip(corrected.keypoints[:2], upright.keypoints[:2], strict=True):
        expected = turn * complex(*(eye - middle))
        assert abs(complex(*(found - middle)) - expected) < 0.25 * upright.eye_distance


@pytest.mark.parametrize("degrees", [0, 20, -20])
def test_an_upright_face_costs_no_second_detection(
    loader: ModelLoader, smile: Pixels, degrees: int
) -> None:
    detect = Counting(loader)
    tracker = FaceTracker(detect, detect_every=1, max_faces=8, keep_s=2.0)
    (seen,) = tracker.update(rolled(smile, degrees), 0.0)
    assert detect.calls == 1
    assert not seen.face.may_be_rolled


def test_an_upright_face_in_doubt_stays_as_it_was_detected(
    loader: ModelLoader, smile: Pixels
) -> None:
    blurred = np.asarray(cv2.GaussianBlur(smile, (0, 0), 6.0), np.uint8)
    detected = loader.detector.detect(blurred)[0]
    assert detected.score < SURE_SCORE
    assert put_upright(loader.detector.detect, blurred, detected) is detected


def test_a_face_of_which_no_turn_shows_more_stays_as_it_was_detected(
    loader: ModelLoader, smile: Pixels
) -> None:
    detected = loader.detector.detect(smile)[0]
    assert put_upright(lambda pixels: [], smile, detected) is detected


def test_people_upside_down_are_corrected_one_with_each_detection(
    loader: ModelLoader, smile: Pixels
) -> None:
    scene = _two_hang_upside_down(smile)
    detect = Counting(loader)
    tracker = FaceTracker(detect, detect_every=1, max_faces=8, keep_s=2.0)
    perception = FacePerception(tracker, loader.new_face().classifier)
    corrected = []
    for number in range(4):
        found = perception.perceive(Frame(scene, number / 15)).observations
        assert [one.subject for one in sorted(found, key=lambda one: one.subject)] == [1, 2]
        assert detect.calls == 2 * (number + 1)
        sure = [one for one in found if one.quality > 0.5]
        assert [_emotion(one) for one in sure] == ["happy"]
        assert min(one.quality for one in found) < 0.2
        corrected.append(sure[0].subject)
    assert corrected in ([1, 2, 1, 2], [2, 1, 2, 1])


def test_people_in_doubt_who_are_upright_count_fully_once_they_were_checked(
    loader: ModelLoader, smile: Pixels
) -> None:
    scene = np.ascontiguousarray(np.rot90(_two_hang_upside_down(smile), 2))
    blurred = np.asarray(cv2.GaussianBlur(scene, (0, 0), 8.0), np.uint8)
    assert max(one.score for one in loader.detector.detect(blurred)) < SURE_SCORE
    tracker = loader.new_face().tracker
    doubts = [
        sum(one.face.may_be_rolled for one in tracker.update(blurred, number / 15))
        for number in range(4)
    ]
    assert doubts == [1, 0, 0, 0]


def test_an_upright_face_in_doubt_is_checked_again_only_after_a_second(
    loader: ModelLoader, smile: Pixels
) -> None:
    blurred = np.asarray(cv2.GaussianBlur(smile, (0, 0), 6.0), np.uint8)
    detect = Counting(loader)
    tracker = FaceTracker(detect, detect_every=1, max_faces=8, keep_s=2.0)
    for tenth in range(12):
        tracker.update(blurred, tenth / 10)
    assert detect.calls == 12 + 2


@pytest.mark.parametrize("detect_every", [1, 4])
def test_a_person_upside_down_keeps_one_number(detect_every: int) -> None:
    models = ModelLoader(Models())
    tracker = FaceTracker(models.detector.detect, detect_every, max_faces=8, keep_s=2.0)
    perception = FacePerception(tracker, models.new_face().classifier)
    answers = []
    for frame in read_frames(HAPPY_CLIP, 15.0):
        turned = Frame(rolled(frame.pixels, 180), frame.captured_s)
        (seen,) = perception.perceive(turned).observations
        assert (seen.subject, seen.quality > 0.8) == (1, True)
        answers.append(_emotion(seen))
    assert answers.count("happy") > len(answers) / 2


def test_a_picture_upside_down_is_read_nearly_like_an_upright_one(
    loader: ModelLoader, smile: Pixels
) -> None:
    hanging = np.ascontiguousarray(np.rot90(smile, 2))
    seen = loader.new_face().perceive(Frame(hanging, 0.0)).primary
    upright = loader.new_face().perceive(Frame(smile, 0.0)).primary
    assert seen is not None
    assert upright is not None
    assert seen.probabilities == pytest.approx(upright.probabilities, abs=0.2)
