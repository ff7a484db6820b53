from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.capture.media import read_frames, read_sound
from edge.config import Models
from edge.emotions import EMOTIONS
from edge.errors import ModelError
from edge.observation import SAMPLE_RATE_HZ, AudioBlock, Frame, Observation, Sound, TextMessage
from edge.perception.detector import Face
from edge.perception.face import EYES, align, quality
from edge.service.models import ModelShelf
from tests.support import HAPPY_CLIP


@pytest.fixture(scope="module")
def shelf() -> ModelShelf:
    return ModelShelf(Models())


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(iter(read_frames(HAPPY_CLIP, 15.0)))


def test_the_face_in_a_real_frame_is_found_with_its_eyes(shelf: ModelShelf, frame: Frame) -> None:
    faces = shelf.face.detector.detect(frame.pixels)
    assert len(faces) == 1
    left, top, right, bottom = faces[0].box
    for x, y in faces[0].keypoints[:4]:
        assert left < x < right
        assert top < y < bottom
    assert faces[0].score > 0.8


def test_two_faces_are_found_the_larger_one_first(shelf: ModelShelf, frame: Frame) -> None:
    near = frame.pixels[40:280, 100:340]
    far = np.zeros_like(near)
    far[40:200, 40:200] = cv2.resize(near, (160, 160))
    faces = shelf.face.detector.detect(np.concatenate([far, near], axis=1))
    assert len(faces) == 2
    assert faces[0].area > 1.5 * faces[1].area
    assert faces[0].box[0] > near.shape[1]


def test_a_frame_without_a_face_gives_no_observation(shelf: ModelShelf) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    sighting = shelf.face.perceive(Frame(noise, 1.0))
    assert (sighting.faces, sighting.observation) == (0, None)


def test_a_one_pixel_frame_does_no_harm(shelf: ModelShelf) -> None:
    assert shelf.face.perceive(Frame(np.zeros((1, 1, 3), np.uint8), 0.0)).faces == 0


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


def test_a_face_half_outside_the_frame_is_cropped_without_fault(
    shelf: ModelShelf, frame: Frame
) -> None:
    face = shelf.face.detector.detect(frame.pixels)[0]
    outside = replace(face, keypoints=face.keypoints - np.array([220, 0], np.float32))
    assert shelf.face.crop(frame.pixels, outside).shape == (48, 48, 1)


def test_a_smaller_face_has_less_quality(shelf: ModelShelf, frame: Frame) -> None:
    near = shelf.face.detector.detect(frame.pixels)[0]
    far = replace(near, keypoints=np.asarray(near.keypoints / 8, np.float32))
    assert 0 < quality(far) < quality(near) <= 1


def test_the_smile_in_a_real_clip_is_seen(shelf: ModelShelf, frame: Frame) -> None:
    seen = shelf.face.perceive(frame).observation
    assert seen is not None
    assert EMOTIONS[int(seen.probabilities.argmax())] == "happy"
    assert seen.captured_s == frame.captured_s


def _hear(shelf: ModelShelf, sound: Sound, block: int = 800) -> list[Observation]:
    speech = shelf.new_speech()
    observations = []
    for start in range(0, len(sound), block):
        samples = sound[start : start + block]
        ended_s = (start + len(samples)) / SAMPLE_RATE_HZ
        observations += speech.hear(AudioBlock(samples, ended_s))
    return observations


def test_a_voice_is_observed_at_most_every_half_second(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    times = [one.captured_s for one in _hear(shelf, sound)]
    assert len(times) >= 2
    assert min(np.diff(times)) >= 0.5 - 1e-9
    assert times[-1] <= len(sound) / SAMPLE_RATE_HZ


def test_the_size_of_sound_blocks_does_not_matter(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    small, large = _hear(shelf, sound, 123), _hear(shelf, sound, len(sound))
    assert len(small) == len(large)
    for one, other in zip(small, large, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities)
        assert one.captured_s == pytest.approx(other.captured_s, abs=0.02)


@pytest.mark.parametrize("amplitude", [0, 30])
def test_silence_and_faint_noise_give_no_observation(shelf: ModelShelf, amplitude: int) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 5 * SAMPLE_RATE_HZ) * amplitude
    assert _hear(shelf, noise.astype(np.int16)) == []


def test_hum_gives_no_observation(shelf: ModelShelf) -> None:
    seconds = np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    hum = (8000 * np.sin(2 * np.pi * 50 * seconds)).astype(np.int16)
    assert _hear(shelf, hum) == []


def test_a_clipped_voice_has_less_quality(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    clipped = np.clip(sound.astype(np.float32) * 8, -32768, 32767).astype(np.int16)
    assert _hear(shelf, clipped)[-1].quality < _hear(shelf, sound)[-1].quality


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I am so happy about this!", "happy"),
        ("this is disgusting", "disgust"),
        ("I hate you, you make me so angry", "angry"),
        ("the table is made of wood", "neutral"),
    ],
)
def test_plain_texts_are_read_as_people_read_them(
    shelf: ModelShelf, text: str, emotion: str
) -> None:
    read = shelf.text.read(TextMessage(text, 5.0))
    assert EMOTIONS[int(read.probabilities.argmax())] == emotion
    assert read.captured_s == 5.0


def test_a_text_without_emotion_or_with_one_word_counts_less(shelf: ModelShelf) -> None:
    def quality_of(text: str) -> float:
        return shelf.text.read(TextMessage(text, 0.0)).quality

    full = quality_of("I am so happy about this!")
    assert quality_of("happy") < full
    assert quality_of("the table is made of wood") < full
    assert quality_of("") == 0


def test_a_pack_of_another_modality_is_refused() -> None:
    models = Models(text=Models().text.__class__(model="speech.json"))
    with pytest.raises(ModelError, match="this is a speech model, a text model was expected"):
        _ = ModelShelf(models).text
