import threading
import time
import wave
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from edge.capture.camera import VideoSource
from edge.capture.drop_oldest import DropOldestQueue
from edge.capture.media import read_sound
from edge.capture.microphone import open_microphone
from edge.clock import Clock
from edge.config import Camera, Microphone
from edge.errors import PayloadError, SourceError
from edge.resources import SAMPLES
from edge.service.mqtt_commands import parse_text
from edge.values import Frame
from tests.support import HAPPY_CLIP, FakeClock, Racing


def _frames(config: Camera) -> Iterator[Frame]:
    video = VideoSource(config, FakeClock(), Racing())
    while (frame := video.read()) is not None:
        yield frame
    video.close()


def test_a_video_file_is_paced_by_its_own_frame_rate() -> None:
    frames = list(_frames(Camera(source=str(HAPPY_CLIP), fps=30.0)))
    times_s = np.array([frame.captured_s for frame in frames])
    assert len(frames) == 56
    assert np.diff(times_s) == pytest.approx(1 / 29.97, abs=1e-3)
    assert frames[0].pixels.shape == (360, 480, 3)


def test_no_more_frames_are_given_than_asked_for() -> None:
    times_s = [frame.captured_s for frame in _frames(Camera(source=str(HAPPY_CLIP), fps=10.0))]
    assert len(times_s) == pytest.approx(19, abs=1)
    assert min(np.diff(times_s)) > 0.05


def test_a_video_file_loops_when_asked_to() -> None:
    frames = _frames(Camera(source=str(HAPPY_CLIP), fps=30.0, loop=True))
    assert len([frame for frame, _ in zip(frames, range(150), strict=False)]) == 150


def test_a_file_plays_in_real_time() -> None:
    video = VideoSource(Camera(source=str(HAPPY_CLIP), fps=30.0), Clock(), threading.Event())
    started_s = time.monotonic()
    for _ in range(10):
        video.read()
    video.close()
    assert time.monotonic() - started_s >= 9 / 29.97


def test_a_stream_whose_length_is_known_is_read_and_its_end_is_not_taken_for_a_files() -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(SAMPLES))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{HAPPY_CLIP.name}"
        frames: list[Frame] = []
        with pytest.raises(SourceError, match="gives no more pictures"):
            frames.extend(_frames(Camera(source=url, fps=30.0)))
        server.shutdown()
    assert len(frames) == 56


class MotionJpeg(BaseHTTPRequestHandler):
    """A network camera that sends 30 pictures and then hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for level in range(30):
            picture = np.full((48, 64, 3), level * 8, np.uint8)
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            self.wfile.write(
                b"--frame\r\nContent-Type: image/jpeg\r\n"
                + f"Content-Length: {len(jpeg)}\r\n\r\n".encode()
                + jpeg
                + b"\r\n"
            )

    def log_message(self, *args: object) -> None:
        pass


def _read_all(video: VideoSource, clock: FakeClock) -> None:
    while video.read() is not None:
        clock.moment_s += 1.0


def test_a_network_camera_is_read_until_it_hangs_up() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_port}/stream.mjpg"
        clock = FakeClock()
        video = VideoSource(Camera(source=source, fps=30.0), clock, Racing())
        first = video.read()
        assert first is not None
        assert first.pixels.shape == (48, 64, 3)
        assert first.captured_s == clock.now_s()
        with pytest.raises(SourceError, match="gives no more pictures"):
            _read_all(video, clock)
        video.close()
        server.shutdown()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (97, "there is no /dev/video97; plug it in or set camera.source"),
        ("/dev/nothing", "there is no /dev/nothing"),
        ("http://127.0.0.1:9/stream", "is the address right and the stream running"),
    ],
)
def test_a_camera_that_is_not_there_is_said(source: int | str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        VideoSource(Camera(source=source), Clock(), threading.Event())


def test_credentials_of_a_camera_are_not_told() -> None:
    source = "http://bob:hunter2@127.0.0.1:9/stream?token=secret"
    with pytest.raises(SourceError) as caught:
        VideoSource(Camera(source=source), Clock(), threading.Event())
    assert "camera 'http://127.0.0.1:9/stream' cannot be opened" in str(caught.value)


def test_a_clip_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video at all" * 50)
    with pytest.raises(SourceError, match="not a video file that can be read"):
        VideoSource(Camera(source=str(path)), Clock(), threading.Event())


def test_a_truncated_video_gives_what_is_whole_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(HAPPY_CLIP.read_bytes()[:40_000])
    assert 0 < len(list(_frames(Camera(source=str(path), fps=30.0)))) < 56


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_of_any_rate_and_channel_count_is_heard_alike(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    path = tmp_path / "tone.wav"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate_hz)
    sound = read_sound(path)
    assert sound.dtype == np.int16
    assert len(sound) == pytest.approx(16000, abs=2)
    expected = 16384 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert sound[2000:14000] == pytest.approx(expected[2000:14000], abs=200)


def test_the_sound_track_of_a_video_is_heard() -> None:
    assert len(read_sound(HAPPY_CLIP)) / 16000 == pytest.approx(1.8, abs=0.2)


def test_files_without_sound_are_refused(tmp_path: Path) -> None:
    rubbish, empty = tmp_path / "rubbish.wav", tmp_path / "empty.wav"
    rubbish.write_bytes(b"RIFF but not really")
    with wave.open(str(empty), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    with pytest.raises(SourceError, match="neither sound nor video"):
        read_sound(rubbish)
    with pytest.raises(SourceError, match="there is no sound"):
        read_sound(empty)
    with pytest.raises(SourceError, match="no such file"):
        read_sound(tmp_path / "none.wav")


@pytest.mark.parametrize("rate_hz", [16000, 48000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.opus"])
def test_a_sound_of_any_format_is_read_whole_and_half_of_it_is_not_made_up(
    tmp_path: Path, name: str, rate_hz: int
) -> None:
    path = tmp_path / name
    hiss = np.random.default_rng(0).uniform(-0.25, 0.25, 3 * rate_hz)
    as_opus = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    soundfile.write(path, hiss, rate_hz, **as_opus)
    sound = read_sound(path)
    assert len(sound) == pytest.approx(3 * 16000, rel=0.05)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if name in ("a.ogg", "a.opus"):  # which do not say how long they should be
        part = read_sound(path)
        assert 0 < len(part) < 0.6 * len(sound)
        assert part.std() < 1.3 * sound.std()
    else:
        with pytest.raises(SourceError, match=r"is it complete\?|neither sound nor video"):
            read_sound(path)


def test_a_wav_whose_writer_did_not_know_its_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "streamed.wav"
    soundfile.write(path, np.full(16000, 0.5), 16000)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(read_sound(path)) == 16000


@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_samples_that_are_no_numbers_are_heard_as_silence_or_full_scale(
    tmp_path: Path, rate_hz: int
) -> None:
    path, samples = tmp_path / "odd.wav", np.full(rate_hz, 0.5, np.float32)
    samples[100], samples[200:300], samples[400] = np.nan, np.inf, -np.inf
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    sound = read_sound(path)
    assert sound[8000:-100] == pytest.approx(16384, abs=400)
    assert sound[:4000].max() > 32000
    assert sound[:4000].min() < 10000


def test_a_sound_file_is_played_whole_in_blocks() -> None:
    source = Microphone(source=str(HAPPY_CLIP))
    microphone = open_microphone(source, FakeClock(), Racing())
    blocks = []
    while (block := microphone.read()) is not None:
        blocks.append(block)
    played = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(played, read_sound(HAPPY_CLIP))
    assert blocks[0].captured_s == pytest.approx(100.05)


@pytest.mark.parametrize("source", ["no such microphone", "", "/nowhere/clip.wav"])
def test_a_microphone_that_is_not_there_is_said(source: str) -> None:
    with pytest.raises(SourceError, match=r"microphone|no such file"):
        open_microphone(Microphone(source=source), Clock(), threading.Event()).read()


def test_the_newest_item_replaces_the_oldest() -> None:
    newest: DropOldestQueue[int] = DropOldestQueue(2)
    for item in range(5):
        newest.put(item)
    assert [newest.take(0), newest.take(0), newest.take(0)] == [3, 4, None]
    assert newest.dropped == 3


@pytest.mark.parametrize(
    ("payload", "text", "subject"),
    [
        (b"I am happy", "I am happy", 0),
        ("schön 😀".encode(), "schön 😀", 0),
        (b'{"text": "hello", "subject": 3}', "hello", 3),
        (b' {"text": "hello"}', "hello", 0),
    ],
)
def test_texts_are_taken_plain_or_as_json(payload: bytes, text: str, subject: int) -> None:
    message = parse_text(payload, 5.0, 8192)
    assert (message.text, message.subject, message.received_s) == (text, subject, 5.0)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "text is empty"),
        (b" \n\t", "text is empty"),
        (b'{"text": ""}', "text is empty"),
        (b"x" * 1_000_000, "text of 1000000 bytes is longer than the 8192 allowed"),
        (b"secret \xff", "text is not UTF-8 .byte 7"),
        (b'{"txet": "secret"}', "begins as JSON but is not"),
        (b'{"text": 5}', "begins as JSON but is not"),
        (b"{secret", "begins as JSON but is not"),
    ],
)
def test_texts_at_fault_are_refused_without_being_quoted(payload: bytes, sentence: str) -> None:
    with pytest.raises(PayloadError, match=sentence) as caught:
        parse_text(payload, 0.0, 8192)
    assert "secret" not in str(caught.value)
