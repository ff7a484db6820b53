from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames
from edge.config import Face as FaceConfig
from edge.config import Models
from edge.emotions import EMOTIONS, FloatArray
from edge.perception.detector import Face
from edge.perception.face import EYES, FacePerception, align
from edge.perception.face_tracker import FaceTracker
from edge.perception.features import Pixels
from edge.perception.loader import ModelLoader
from edge.perception.quality import face_quality, frontality, sharpness
from edge.resources import SAMPLES
from edge.values import Frame

PERIOD_S = 1 / 15


@pytest.fixture(scope="module")
def far_shelf() -> ModelLoader:
    return ModelLoader(Models(face=FaceConfig(detector="full")))


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(iter(read_frames(HAPPY_CLIP, 15.0)))


@pytest.fixture(scope="module")
def person(frame: Frame) -> Pixels:
    """A face with a little around it."""
    return frame.pixels[60:300, 110:350]


def _scene(*placed: tuple[Pixels, int, int, int]) -> Pixels:
    """Pictures in a grey VGA frame, each with its left, top and side in pixels."""
    scene = np.full((480, 640, 3), 90, np.uint8)
    for picture, left, top, side in placed:
        scaled = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        scene[top : top + side, left : left + side] = scaled
    return scene


def _crowd(picture: Pixels, side: int, rows: int, columns: int) -> Pixels:
    return np.asarray(np.tile(cv2.resize(picture, (side, side)), (rows, columns, 1)), np.uint8)


def _numbers(
    perception: FacePerception, scenes: Iterator[Pixels] | list[Pixels]
) -> list[list[int]]:
    return [
        [one.subject for one in perception.perceive(Frame(scene, index * PERIOD_S)).observations]
        for index, scene in enumerate(scenes)
    ]


@pytest.mark.parametrize("detector", ["short", "full"])
def test_the_face_in_a_real_frame_is_found_with_its_eyes(
    loader: ModelLoader, far_shelf: ModelLoader, frame: Frame, detector: str
) -> None:
    chosen = loader if detector == "short" else far_shelf
    faces = chosen.detector.detect(frame.pixels)
    assert len(faces) == 1
    left, top, right, bottom = faces[0].box
    for x, y in faces[0].keypoints[:4]:
        assert left < x < right
        assert top < y < bottom
    assert faces[0].score > 0.8


def test_the_full_detector_finds_a_face_that_is_too_far_for_the_short_one(
    loader: ModelLoader, far_shelf: ModelLoader, person: Pixels
) -> None:
    scene = _scene((person, 300, 200, 90))
    assert loader.detector.detect(scene) == []
    assert len(far_shelf.detector.detect(scene)) == 1


def test_two_faces_are_found_the_larger_one_first(loader: ModelLoader, person: Pixels) -> None:
    faces = loader.detector.detect(_scene((person, 0, 100, 220), (person, 300, 60, 330)))
    assert len(faces) == 2
    assert faces[0].area > 1.5 * faces[1].area
    assert faces[0].box[0] > 300


def test_every_face_is_read_and_the_largest_is_the_primary_subject(
    loader: ModelLoader, person: Pixels
) -> None:
    scene = _scene((person, 0, 100, 220), (person, 300, 60, 330))
    sighting = loader.new_face().perceive(Frame(scene, 1.0))
    assert sighting.faces == len(sighting.observations) == 2
    assert sighting.primary is sighting.observations[0]
    assert sighting.primary_subject == 1
    assert {one.subject for one in sighting.observations} == {1, 2}
    assert {one.captured_s for one in sighting.observations} == {1.0}


def test_no_more_than_max_faces_are_read_but_all_are_counted(person: Pixels) -> None:
    loader = ModelLoader(Models(face=FaceConfig(detector="full", max_faces=4)))
    crowd = _crowd(person[20:175, 30:185], 96, 4, 6)
    sighting = loader.new_face().perceive(Frame(crowd, 0.0))
    assert len(sighting.observations) == 4
    assert sighting.faces > 12


def test_a_frame_of_forty_faces_is_read_within_the_limit(
    far_shelf: ModelLoader, person: Pixels
) -> None:
    crowd = _crowd(person[20:175, 30:185], 96, 5, 8)
    sighting = far_shelf.new_face().perceive(Frame(crowd, 0.0))
    assert len(sighting.observations) == 8
    assert sighting.faces > 8


@pytest.mark.parametrize("detect_every", [1, 4])
def test_people_who_move_keep_their_numbers(person: Pixels, detect_every: int) -> None:
    loader = ModelLoader(Models(face=FaceConfig(detect_every=detect_every)))
    scenes = [
        _scene((person, 4 * step, 100, 220), (person, 300 - 3 * step, 60 + step, 330))
        for step in range(12)
    ]
    numbers = _numbers(loader.new_face(), scenes)
    assert numbers[0] == [1, 2]
    assert numbers == [numbers[0]] * len(scenes)


def test_a_short_occlusion_keeps_the_number_and_a_long_one_does_not(
    loader: ModelLoader, person: Pixels
) -> None:
    perception = loader.new_face()
    here, empty = _scene((person, 100, 60, 330)), _scene()

    def subject(scene: Pixels, captured_s: float) -> int | None:
        primary = perception.perceive(Frame(scene, captured_s)).primary
        return primary.subject if primary else None

    assert subject(here, 0.0) == 1
    assert subject(empty, 0.5) is None
    assert subject(here, 1.9) == 1
    assert subject(empty, 2.0) is None
    assert subject(here, 4.0) == 2


def test_somebody_else_elsewhere_gets_another_number(loader: ModelLoader, person: Pixels) -> None:
    scenes = [_scene((person, 0, 100, 220)), _scene((person, 400, 100, 220))]
    assert _numbers(loader.new_face(), scenes) == [[1], [2]]


def test_people_of_like_size_do_not_take_turns_at_being_primary(
    loader: ModelLoader, person: Pixels
) -> None:
    sizes = [(250, 220), (220, 240), (250, 220), (220, 320)]
    scenes = [_scene((person, 0, 80, left), (person, 320, 80, right)) for left, right in sizes]
    assert [one[0] for one in _numbers(loader.new_face(), scenes)] == [1, 1, 1, 2]


def test_faces_are_followed_between_detections(loader: ModelLoader) -> None:
    detections = 0

    def detect(pixels: Pixels) -> list[Face]:
        nonlocal detections
        detections += 1
        return loader.detector.detect(pixels)

    subjects = FaceTracker(detect, detect_every=5, max_faces=8, keep_s=2.0)
    for index, frame in enumerate(read_frames(HAPPY_CLIP, 30.0)):
        followed = subjects.update(frame.pixels, index / 30)
        there = loader.detector.detect(frame.pixels)[0]
        assert [one.number for one in followed] == [1]
        off_px = np.abs(followed[0].face.keypoints[:2] - there.keypoints[:2]).max()
        assert off_px < 0.15 * there.eye_distance
    assert detections == np.ceil((index + 1) / 5)


def test_a_face_that_is_lost_between_detections_is_looked_for_at_once(
    loader: ModelLoader, person: Pixels
) -> None:
    subjects = FaceTracker(loader.detector.detect, detect_every=30, max_faces=8, keep_s=2.0)
    assert len(subjects.update(_scene((person, 0, 60, 330)), 0.0)) == 1
    assert subjects.update(np.zeros((480, 640, 3), np.uint8), 0.1) == []
    assert subjects.faces == 0


def test_a_face_is_followed_through_a_change_of_resolution(
    loader: ModelLoader, person: Pixels
) -> None:
    subjects = FaceTracker(loader.detector.detect, detect_every=5, max_faces=8, keep_s=2.0)
    scene = _scene((person, 100, 60, 330))
    half = np.asarray(cv2.resize(scene, (320, 240), interpolation=cv2.INTER_AREA), np.uint8)
    (before,) = [one.face for one in subjects.update(scene, 0.0)]
    (after,) = [one.face.box for one in subjects.update(half, 0.1)]
    assert np.abs(after - before.box / 2).max() < 5


def test_a_frame_without_a_face_gives_no_observation(loader: ModelLoader) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    sighting = loader.new_face().perceive(Frame(noise, 1.0))
    assert (sighting.faces, sighting.observations, sighting.primary) == (0, (), None)


@pytest.mark.parametrize("detect_every", [1, 3])
def test_a_one_pixel_frame_does_no_harm(detect_every: int) -> None:
    perception = ModelLoader(Models(face=FaceConfig(detect_every=detect_every))).new_face()
    for index in range(4):
        assert perception.perceive(Frame(np.zeros((1, 1, 3), np.uint8), index)).faces == 0


def test_alignment_puts_the_eyes_where_training_had_them() -> None:
    pixels = np.zeros((200, 200, 3), np.uint8)
    right_eye, left_eye = (60, 120), (100, 90)
    for x, y in (right_eye, left_eye):
        pixels[y - 3 : y + 4, x - 3 : x + 4] = 255
    keypoints = np.array([right_eye, left_eye, *[(80, 130)] * 4], np.float32)
    face = Face(np.array([40, 60, 130, 150], np.float32), keypoints, 0.9)
    crop = align(pixels, face, 96)
    for x, y in np.rint(EYES * 96).astype(int):
        assert crop[y, x].min() > 200


def test_a_face_half_outside_the_frame_is_cropped_and_counts_less(
    loader: ModelLoader, frame: Frame
) -> None:
    face = loader.detector.detect(frame.pixels)[0]
    shift = np.array([face.box[[0, 2]].mean(), 0], np.float32)
    outside = replace(face, box=face.box - np.tile(shift, 2), keypoints=face.keypoints - shift)
    perception, shape = loader.new_face(), frame.pixels.shape
    assert perception.crop(frame.pixels, outside).shape == (96, 96, 1)
    aligned = perception.align(frame.pixels, face)
    whole = face_quality(face, aligned, shape)
    assert face_quality(outside, aligned, shape) == pytest.approx(whole / 2, rel=0.01)


def test_a_smaller_face_has_less_quality(loader: ModelLoader, frame: Frame) -> None:
    near = loader.detector.detect(frame.pixels)[0]
    aligned = loader.new_face().align(frame.pixels, near)
    far = replace(near, keypoints=np.asarray(near.keypoints / 8, np.float32))
    shape = frame.pixels.shape
    assert 0 < face_quality(far, aligned, shape) < face_quality(near, aligned, shape) <= 1
    assert face_quality(near, aligned, shape) == pytest.approx(near.score, abs=0.05)


def _blurred(pixels: Pixels, sigma_px: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8)


def test_a_blurred_face_has_less_quality(loader: ModelLoader, frame: Frame) -> None:
    perception = loader.new_face()
    face = loader.detector.detect(frame.pixels)[0]
    sharp, dull, duller = (
        sharpness(perception.align(_blurred(frame.pixels, sigma), face))
        for sigma in (0.1, 4.0, 8.0)
    )
    assert sharp == 1.0
    assert 0 < duller < dull < 0.7


def _with_nose(x: int, y: int) -> FloatArray:
    """Eyes, nose and mouth of a face 40 px from eye to eye."""
    return np.array([[30, 40], [70, 40], [x, y], [50, 80]], np.float32)


def test_a_face_that_turns_away_or_looks_down_has_less_quality() -> None:
    frontal = _with_nose(50, 60)
    assert frontality(frontal) == 1.0
    turned = [frontality(_with_nose(50 + shift, 60)) for shift in (15, 25, 40)]
    assert turned == sorted(turned, reverse=True)
    assert turned[0] < 1
    assert turned[-1] == 0
    assert frontality(_with_nose(50, 75)) < 1
    assert frontality(np.zeros((4, 2), np.float32)) == 0
    tilted_head = frontal @ np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    assert frontality(tilted_head.astype(np.float32)) == pytest.approx(1.0)


def test_the_smile_in_a_real_clip_is_seen(loader: ModelLoader, frame: Frame) -> None:
    seen = loader.new_face().perceive(frame).primary
    assert seen is not None
    assert EMOTIONS[int(seen.probabilities.argmax())] == "happy"
    assert seen.captured_s == frame.captured_s


@pytest.mark.parametrize("side", [96, 128, 192])
def test_sharpness_does_not_depend_on_size_or_contrast(
    loader: ModelLoader, frame: Frame, side: int
) -> None:
    face, pixels = loader.detector.detect(frame.pixels)[0], _blurred(frame.pixels, 6.0)
    expected = sharpness(loader.new_face().align(pixels, face))
    assert 0.1 < expected < 0.9
    assert sharpness(align(pixels // 2, face, side)) == pytest.approx(expected, rel=0.15)


def test_what_is_no_face_is_less_familiar_to_the_model_than_faces_are(
    loader: ModelLoader,
) -> None:
    rng, perception = np.random.default_rng(0), loader.new_face()
    noise = rng.integers(0, 255, (96, 96, 3), np.uint8)
    stripes = np.tile(np.arange(96) % 8 * 32, (96, 1)).astype(np.uint8)[..., None].repeat(3, axis=2)
    blobs = np.asarray(cv2.GaussianBlur(noise, (0, 0), 5) * 3, np.uint8)
    strange = [perception.perceive_crop(Frame(one, 0.0)).quality for one in (noise, stripes, blobs)]
    known = [_crop_quality(loader, clip) for clip in sorted(SAMPLES.glob("*.mkv"))]
    assert np.median(known) > 0.5
    assert np.median(strange) < 0.5 * np.median(known)


def _crop_quality(loader: ModelLoader, clip: Path) -> float:
    """The quality of the first face of a clip, as a crop: its familiarity alone."""
    frame, perception = next(iter(read_frames(clip, 5.0))), loader.new_face()
    (face, *_) = loader.detector.detect(frame.pixels)
    return perception.perceive_crop(Frame(perception.align(frame.pixels, face), 0.0)).quality


def test_a_dark_picture_with_noise_has_no_sharpness() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(2, 5, (96, 96, 1), np.uint8).repeat(3, axis=2)
    assert sharpness(noise) < 0.3
    assert sharpness(np.zeros((96, 96, 3), np.uint8)) == 0


def test_who_is_missed_in_one_frame_stays_the_primary_subject(
    loader: ModelLoader, person: Pixels
) -> None:
    both = _scene((person, 0, 100, 200), (person, 300, 60, 330))
    other = _scene((person, 0, 100, 200))
    perception = loader.new_face()
    seen = [
        perception.perceive(Frame(scene, index * PERIOD_S))
        for index, scene in enumerate([both, other, both])
    ]
    assert [one.primary_subject for one in seen] == [1, 1, 1]
    assert [one.primary is None for one in seen] == [False, True, False]
    assert [one.subject for one in seen[1].observations] == [2]
    # A person who is away for too long loses the place.
    assert perception.perceive(Frame(other, 1.5)).primary_subject == 1
    assert perception.perceive(Frame(other, 2.5)).primary_subject == 2


def test_a_limit_of_one_face_does_not_make_people_take_turns(person: Pixels) -> None:
    perception = ModelLoader(Models(face=FaceConfig(max_faces=1))).new_face()
    sizes = [(250, 220), (220, 240), (250, 220), (220, 240)]
    scenes = [_scene((person, 0, 80, left), (person, 320, 80, right)) for left, right in sizes]
    assert _numbers(perception, scenes) == [[1]] * 4
