"""Streams over time, as the daemon follows them."""

import threading

import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.values import SAMPLE_RATE_HZ, Frame, Sound
from emotiond import Emotions, Result


@pytest.fixture(scope="module")
def reader() -> Emotions:
    return Emotions()


@pytest.fixture(scope="module")
def clip() -> tuple[list[Frame], Sound]:
    return list(read_frames(HAPPY_CLIP, 15.0)), read_sound(HAPPY_CLIP)


def follow(reader: Emotions, clip: tuple[list[Frame], Sound], start_s: float) -> Result:
    """Plays a clip from a moment on; returns the belief at its end."""
    stream = reader.live(start_s)
    frames, sound = clip
    heard = 0
    for frame in frames:
        now_s = start_s + frame.captured_s
        until = round(frame.captured_s * SAMPLE_RATE_HZ)
        stream.sound(sound[heard:until], now_s)
        heard = until
        (face,) = stream.frame(frame.pixels, now_s)
        assert (face.subject, face.modality) == (1, "face")
    primary, everybody = stream.fused(now_s)
    assert primary is not None
    assert everybody == (primary,)
    return primary


def test_pictures_and_sound_of_a_stream_become_one_belief(
    reader: Emotions, clip: tuple[list[Frame], Sound]
) -> None:
    belief = follow(reader, clip, 1000.0)
    assert (belief.emotion, belief.subject) == ("happy", 1)
    assert set(belief.contributions) == {"face", "speech"}


def test_a_text_counts_for_the_person_in_view_and_a_belief_ends_without_news(
    reader: Emotions, clip: tuple[list[Frame], Sound]
) -> None:
    stream = reader.live()
    assert stream.fused(0.0) == (None, ())
    stream.frame(clip[0][0].pixels, 0.0)
    assert stream.text("I am so happy!", 0.1).emotion == "happy"
    primary, _ = stream.fused(0.2)
    assert primary is not None
    assert set(primary.contributions) == {"face", "text"}
    assert stream.fused(60.0) == (None, ())


def test_streams_in_several_threads_do_not_disturb_each_other(
    reader: Emotions, clip: tuple[list[Frame], Sound]
) -> None:
    alone = follow(reader, clip, 0.0)
    found: list[Result] = []
    threads = [
        threading.Thread(target=lambda: found.append(follow(reader, clip, 0.0))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 3
