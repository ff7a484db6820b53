"""The Python API, with the shipped models on a sample clip."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.config import Camera, Config, Tracking
from edge.perception.features import Pixels
from edge.values import SAMPLE_RATE_HZ, Sound
from emotiond import EMOTIONS, Clip, Emotions, ModelError, Result, SourceError
from emotiond.results import FUSED


@pytest.fixture(scope="module")
def reader() -> Emotions:
    return Emotions()


@pytest.fixture(scope="module")
def picture() -> Pixels:
    return next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels


@pytest.fixture(scope="module")
def sound() -> Sound:
    return read_sound(HAPPY_CLIP)


def test_every_face_of_a_picture_is_read_with_its_place(reader: Emotions, picture: Pixels) -> None:
    one = picture[:, 120:360]
    height, width = one.shape[:2]
    two = np.concatenate([one, one], axis=1)
    faces = reader.image(two)
    assert [face.emotion for face in faces] == ["happy", "happy"]
    boxes = sorted((face.box for face in faces if face.box), key=lambda box: box.left)
    assert 0 < boxes[0].left < boxes[0].right < width < boxes[1].left < boxes[1].right < 2 * width
    assert all(0 < box.top < box.bottom < height for box in boxes)


def test_a_file_and_its_pixels_give_the_same_answer(
    reader: Emotions, picture: Pixels, tmp_path: Path
) -> None:
    file = tmp_path / "face.png"
    cv2.imwrite(str(file), picture)
    assert reader.image(file) == reader.image(str(file)) == reader.image(picture)


def test_a_grey_picture_is_read_and_a_crop_needs_no_detection(
    reader: Emotions, picture: Pixels
) -> None:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    (face,) = reader.image(np.asarray(grey))
    assert face.emotion == "happy"
    (crop,) = reader.image(picture[95:210, 160:275], cropped=True)
    assert (crop.emotion, crop.subject, crop.box) == ("happy", 0, None)


def test_a_picture_without_a_face_has_no_results(reader: Emotions) -> None:
    assert reader.image(np.zeros((480, 640, 3), np.uint8)) == ()


@pytest.mark.parametrize(
    "channels", [lambda one: one, lambda one: np.stack([one, one], axis=1)], ids=["mono", "stereo"]
)
def test_samples_of_any_kind_and_rate_give_the_answer_of_the_file(
    reader: Emotions, sound: Sound, channels: Callable[[Any], Any]
) -> None:
    expected = reader.sound(sound, SAMPLE_RATE_HZ)
    assert expected is not None
    assert reader.sound(channels(sound.astype(np.float64) / 32768), SAMPLE_RATE_HZ) == expected
    faster = reader.sound(channels(np.repeat(sound, 3)), 3 * SAMPLE_RATE_HZ)
    assert faster is not None
    assert faster.emotion == expected.emotion


def test_silence_has_no_voice(reader: Emotions) -> None:
    assert reader.sound(np.zeros(48_000, np.int16), SAMPLE_RATE_HZ) is None


def test_a_fused_result_has_its_parts_and_their_shares(
    reader: Emotions, picture: Pixels, sound: Sound
) -> None:
    fused = reader.fuse(
        image=picture, sound=sound, text="I am so happy!", sample_rate_hz=SAMPLE_RATE_HZ
    )
    assert (fused.modality, fused.emotion) == (FUSED, "happy")
    assert [part.modality for part in fused.parts] == ["face", "speech", "text"]
    assert set(fused.contributions) == {"face", "speech", "text"}
    assert sum(fused.contributions.values()) == pytest.approx(1, abs=1e-3)


def test_fusing_leaves_out_what_says_nothing_and_refuses_if_nothing_is_left(
    reader: Emotions,
) -> None:
    black, silence = np.zeros((480, 640, 3), np.uint8), np.zeros(16_000, np.int16)
    lone = reader.fuse(image=black, text="I am so happy!")
    assert (lone.emotion, lone.contributions) == ("happy", {"text": 1.0})
    with pytest.raises(SourceError, match="no face, no voice and no text"):
        reader.fuse(image=black, sound=silence, sample_rate_hz=SAMPLE_RATE_HZ)


def test_a_clip_is_read_as_a_whole_and_over_time(reader: Emotions) -> None:
    read_s: list[float] = []
    clip = reader.clip(HAPPY_CLIP, progress=read_s.append)
    assert clip.face is not None
    assert clip.speech is not None
    assert (clip.fused.emotion, clip.face.emotion) == ("happy", "happy")
    assert clip.fused.parts == (clip.face, clip.speech)
    times_s = [moment.time_s for moment in clip.timeline]
    assert times_s == sorted(times_s)
    assert 8 <= len(times_s) <= 10
    assert times_s[-1] <= clip.duration_s == pytest.approx(1.84, abs=0.1)
    assert read_s == sorted(read_s)
    assert any(moment.speech for moment in clip.timeline)
    last = clip.timeline[-1].fused
    assert last is not None
    assert set(last.contributions) == {"face", "speech"}


def test_the_answer_about_a_clip_is_what_a_device_in_front_of_it_publishes(
    reader: Emotions,
) -> None:
    whole = reader.clip(HAPPY_CLIP, timeline=False)
    clip = reader.clip(HAPPY_CLIP, step_s=0.01)
    assert clip.fused == whole.fused
    ends_s = [*(one.time_s for one in clip.timeline[1:]), clip.duration_s]
    held = [
        (end_s - one.time_s, one.fused.confidence)
        for one, end_s in zip(clip.timeline, ends_s, strict=True)
        if one.fused and one.fused.emotion == "happy"
    ]
    mean = sum(lasted_s * confidence for lasted_s, confidence in held) / sum(s for s, _ in held)
    assert clip.fused.emotion == "happy"
    assert clip.fused.confidence == pytest.approx(mean, abs=0.01)


def test_a_clip_is_turned_as_the_camera_is_unless_it_is_upright(reader: Emotions) -> None:
    def tops(clip: Clip) -> list[float]:
        return [one.face.box.top for one in clip.timeline if one.face and one.face.box]

    hanging = Emotions(config=Config(camera=Camera(rotate=180)))
    expected = tops(reader.clip(HAPPY_CLIP))
    assert expected
    assert tops(hanging.clip(HAPPY_CLIP, upright=True)) == expected
    assert tops(hanging.clip(HAPPY_CLIP)) != expected


@pytest.mark.parametrize("text", [None, 5, b"happy"])
def test_what_is_no_text_is_refused(reader: Emotions, text: Any) -> None:
    with pytest.raises(SourceError, match=f"a text is a str, but this is {type(text).__name__}"):
        reader.text(text)
    if text is not None:
        with pytest.raises(SourceError, match="a text is a str"):
            reader.fuse(text=text)


def test_what_is_not_certain_enough_is_unknown(picture: Pixels) -> None:
    strict = Emotions(config=Config(tracking=Tracking(min_confidence=0.999)))
    fused = strict.fuse(image=picture, text="I am so happy!")
    assert fused.emotion == "unknown"
    assert fused.confidence == max(fused.probabilities.values())
    assert [part.emotion for part in fused.parts] == ["happy", "happy"]


def test_results_are_frozen_and_become_plain_json(reader: Emotions, picture: Pixels) -> None:
    (face,) = reader.image(picture)
    with pytest.raises(AttributeError):
        face.emotion = "sad"  # type: ignore[misc]
    plain = json.loads(json.dumps(face.to_dict()))
    assert list(plain) == list(Result.__struct_fields__)
    assert list(plain["probabilities"]) == list(EMOTIONS)
    assert set(plain["box"]) == {"left", "top", "right", "bottom"}
    assert json.loads(json.dumps(reader.clip(HAPPY_CLIP).to_dict()))["timeline"][0]["time_s"] == 0


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros((4, 4, 4), np.uint8), "leave out transparency"),
        (np.zeros((4, 4, 3), np.float32), r"uint8\[height, width, 3\], but this is float32"),
        (np.zeros((0, 4, 3), np.uint8), r"but this is uint8\[0, 4, 3\]"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(
    reader: Emotions, picture: Pixels, sentence: str
) -> None:
    with pytest.raises(SourceError, match=sentence):
        reader.image(picture)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "sentence"),
    [
        (np.zeros(10, np.int16), None, "need their sample_rate_hz"),
        (np.zeros(10, np.uint8), 16_000, "int16, or floats"),
        (np.zeros((1, 1, 1), np.int16), 16_000, r"\[samples\] or \[samples, channels\]"),
    ],
)
def test_an_array_that_is_no_sound_is_refused(
    reader: Emotions, samples: Any, rate_hz: int | None, sentence: str
) -> None:
    with pytest.raises(SourceError, match=sentence):
        reader.sound(samples, rate_hz)


def test_a_folder_without_packs_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"text\.json"):
        Emotions(tmp_path).text("hello")


def test_many_threads_get_the_answers_of_one(
    reader: Emotions, picture: Pixels, sound: Sound
) -> None:
    """Without the locks, LiteRT raises or mixes up the tensors of two callers."""
    texts = ["I am so happy!", "this is disgusting", "I am terrified of this"]
    pictures = [picture, np.ascontiguousarray(picture[:, ::-1]), picture[40:]]
    fresh = Emotions()
    expected: list[Any] = [[reader.text(one) for one in texts], [*map(reader.image, pictures)]]
    expected.append(reader.sound(sound, SAMPLE_RATE_HZ))
    answers: list[Any] = []
    together = threading.Barrier(6)

    def work() -> None:
        together.wait(10)
        for _ in range(5):
            answers.append(
                [
                    [fresh.text(one) for one in texts],
                    [fresh.image(one) for one in pictures],
                    fresh.sound(sound, SAMPLE_RATE_HZ),
                ]
            )

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 30
