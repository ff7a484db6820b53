"""The REST API of `emotiond serve`, asked over HTTP, with the shipped models on a sample clip."""

import contextlib
import io
import json
import os
import signal
import socket
import tempfile
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import soundfile
import urllib3

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.commands.demo.broker import HOST
from edge.config import Config, Models, Mqtt
from edge.machine import rss_mb
from edge.values import SAMPLE_RATE_HZ
from edge.web.settings import Limits
from emotiond import Emotions
from tests.support.packs import crashing_pack
from tests.support.waiting import wait_until
from tests.support.web import JSON, Site, site


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site(Limits(seconds=20, pixels=4_000_000, upload_bytes=8_000_000)) as running:
        yield running


@pytest.fixture(scope="module")
def picture() -> bytes:
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    return cv2.imencode(".png", frame.pixels)[1].tobytes()


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("sound") / "voice.wav"
    soundfile.write(file, read_sound(HAPPY_CLIP), SAMPLE_RATE_HZ)
    return file.read_bytes()


def test_a_text_gets_the_answer_of_the_python_api(web: Site) -> None:
    answer = web.post("/api/predict", {"text": "I am so happy today!"})
    assert answer.status == 200
    assert answer.json == Emotions().text("I am so happy today!").to_dict()


def test_a_picture_gets_an_answer_for_every_face_with_its_place(web: Site, picture: bytes) -> None:
    answer = web.upload("/api/predict/image", image=("face.png", picture, "image/png"))
    assert answer.json["faces"] == 1
    (face,) = answer.json["results"]
    assert face["emotion"] == "happy"
    assert 0 < face["box"]["left"] < face["box"]["right"]


def test_a_picture_of_eight_thousand_pixels_is_read() -> None:
    large = cv2.imencode(".png", np.zeros((4320, 7680, 3), np.uint8))[1].tobytes()
    with site() as web:
        assert web.upload("/api/predict/image", image=large).json["faces"] == 0


def test_a_picture_without_a_face_is_no_error(web: Site) -> None:
    black = cv2.imencode(".png", np.zeros((48, 48, 3), np.uint8))[1].tobytes()
    answer = web.upload("/api/predict/image", image=black)
    assert (answer.status, answer.json) == (200, {"faces": 0, "results": []})


def test_a_sound_gets_an_answer(web: Site, voice: bytes) -> None:
    answer = web.upload("/api/predict/audio", audio=("voice.wav", voice, "audio/wav"))
    assert (answer.status, answer.json["modality"]) == (200, "speech")


def test_a_video_is_answered_as_a_whole_and_over_time(web: Site) -> None:
    answer = web.upload("/api/predict/video", video=HAPPY_CLIP.read_bytes())
    clip = answer.json
    assert clip["fused"]["emotion"] == clip["face"]["emotion"] == "happy"
    assert set(clip["fused"]["contributions"]) == {"face", "speech"}
    assert len(clip["timeline"]) >= 8


def test_the_progress_of_a_video_is_streamed_before_its_result(web: Site) -> None:
    headers = {"Accept": "application/x-ndjson"}
    answer = web.upload("/api/predict/video", headers, video=HAPPY_CLIP.read_bytes())
    *progress, last = [json.loads(line) for line in answer.body.splitlines()]
    shares = [one["progress"] for one in progress]
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert last["result"]["fused"]["emotion"] == "happy"
    failed = web.upload("/api/predict/video", headers, video=("a.mp4", b"rubbish", "video/mp4"))
    assert json.loads(failed.body)["error"].startswith("a.mp4: ")


def test_half_a_video_is_answered_and_what_is_missing_said(web: Site) -> None:
    clip = HAPPY_CLIP.read_bytes()
    answer = web.upload("/api/predict/video", video=clip[: len(clip) // 2])
    probabilities = answer.json["fused"]["probabilities"]
    assert max(probabilities, key=probabilities.__getitem__) == "happy"
    assert "its pictures end after 0.8 of 1.9 s" in answer.json["incomplete"]
    assert "/proc/" not in answer.json["incomplete"]
    whole = web.upload("/api/predict/video", video=clip)
    assert whole.json["incomplete"] is None


def test_picture_sound_and_text_of_one_person_are_fused(
    web: Site, picture: bytes, voice: bytes
) -> None:
    answer = web.upload("/api/predict/fused", image=picture, audio=voice, text="I am so happy!")
    assert answer.json["emotion"] == "happy"
    assert [part["modality"] for part in answer.json["parts"]] == ["face", "speech", "text"]
    assert web.upload("/api/predict/fused", text="I am so happy!").json["emotion"] == "happy"


def test_health_models_and_metrics_describe_the_server(web: Site) -> None:
    health = web.get("/api/health").json
    assert (health["status"], health["broker"]["connected"]) == ("ok", False)
    assert health["limits"]["upload_bytes"] == 8_000_000
    models = web.get("/api/models").json
    assert {one["modality"] for one in models} == {"detector", "face", "speech", "text"}
    web.post("/api/predict", {"text": "hello"})
    metrics = web.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = metrics.body.decode()
    assert 'emotiond_web_requests_total{path="/api/predict",status="200"}' in found
    assert 'emotiond_web_request_seconds_bucket{path="/api/predict",le="+Inf"}' in found


def test_a_model_that_would_end_its_process_is_named(tmp_path: Path, voice: bytes) -> None:
    crashing_pack(tmp_path)
    config = Config(models=Models(folder=str(tmp_path)), mqtt=Mqtt(port=1))
    with site(config=config) as broken:
        answer = broken.upload("/api/predict/audio", audio=voice)
        assert answer.status == 503
        assert "speech.json: running it ends the process (SIGSEGV)" in answer.error


def png_bomb(side: int) -> bytes:
    """A small file that unpacks to side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        length, check = len(data).to_bytes(4, "big"), zlib.crc32(kind + data).to_bytes(4, "big")
        return length + kind + data + check

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    size = side.to_bytes(4, "big") * 2
    head = chunk(b"IHDR", size + b"\1\0\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def long_sound() -> bytes:
    """A small file with half a minute of silence."""
    file = Path(f"/proc/self/fd/{os.memfd_create('long.flac')}")
    soundfile.write(str(file), np.zeros(30 * 8000, np.int16), 8000, format="FLAC")
    content = file.read_bytes()
    os.close(int(file.name))
    return content


def media(sound_s: int, container: str = "ipod", pictures: int = 0) -> bytes:
    """Noise in AAC, with so many black pictures, ten a second.

    `ipod` is M4A; a Matroska tells no length, as those of a browser.
    """
    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 3000, (1, SAMPLE_RATE_HZ)).astype(np.int16)
    options = {"live": "1"} if container == "matroska" else {}
    with av.open(file, "w", format=container, options=options) as made:
        sound: Any = made.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        video: Any = made.add_stream("mpeg4", rate=10) if pictures else None
        if video:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for _ in range(pictures):
            black = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
            made.mux(video.encode(black))
        for second in range(sound_s):
            block = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            block.rate, block.pts = SAMPLE_RATE_HZ, second * SAMPLE_RATE_HZ
            made.mux(sound.encode(block))
        for stream in filter(None, (sound, video)):
            made.mux(stream.encode(None))
    return file.getvalue()


BAD = [
    ("image", b"not a picture", 422, "not a readable picture"),
    ("image", png_bomb(16_000), 422, "pixels are more than this server allows; make it smaller"),
    ("image", b"", 422, "the part `image` is empty"),
    ("image", ("a.txt", b"hello", "text/plain"), 415, "the part `image` has the type 'text/plain'"),
    ("audio", b"not a sound", 422, "not a readable sound or video"),
    ("audio", long_sound(), 422, "at most 20 s are read; cut it"),
    ("audio", media(sound_s=30), 422, "at most 20 s are read; cut it"),
    ("video", media(sound_s=30, container="matroska", pictures=20), 422, "at most 20 s are read"),
    (
        "video",
        media(sound_s=1, container="matroska", pictures=250),
        422,
        "longer than 20 s; cut it",
    ),
    ("video", media(sound_s=5), 422, "video.bin: this file has no picture track; no voice in it"),
    ("video", HAPPY_CLIP.read_bytes()[:3000], 422, "video.bin: "),
    ("video", os.urandom(9_000_000), 413, "more than 8 MB"),
    ("picture", b"hello", 422, "unknown part 'picture'; known here: `image`"),
]


@pytest.mark.parametrize(("part", "content", "status", "reason"), BAD)
def test_a_bad_upload_is_refused_with_the_reason(
    web: Site, part: str, content: Any, status: int, reason: str
) -> None:
    kind = part if part in ("image", "audio", "video") else "image"
    answer = web.upload(f"/api/predict/{kind}", **{part: content})
    assert (answer.status, reason in answer.error) == (status, True), answer.error
    assert "/proc/" not in answer.error
    assert web.post("/api/predict", {"text": "hello"}).status == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b'{"text": 1}', JSON, 422, "$.text"),
        (b'{"text": "a", "texts": "b"}', JSON, 422, "texts"),
        (b"{", JSON, 422, "JSON"),
        (b"", JSON, 422, "JSON"),
        (b"[" * 60_000, JSON, 422, "JSON"),
        (json.dumps({"text": "a" * 1_000_000}).encode(), JSON, 413, "more than"),
        (b'{"text": "a"}', {"Content-Type": "text/plain"}, 415, "application/json"),
    ],
)
def test_a_bad_request_for_a_text_is_refused_with_the_reason(
    web: Site, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = web.request("POST", "/api/predict", body=body, headers=headers)
    assert (answer.status, reason in answer.error) == (status, True), answer.error


def test_a_form_that_is_no_form_or_breaks_off_is_refused(web: Site) -> None:
    plain = web.request("POST", "/api/predict/image", body=b"hello", headers=JSON)
    assert (plain.status, "multipart/form-data" in plain.error) == (415, True)
    half = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nhalf'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = web.request("POST", "/api/predict/image", body=half, headers=headers)
    assert (answer.status, "damaged or incomplete" in answer.error) == (422, True)
    empty = web.request("POST", "/api/predict/image", body=b"--x--\r\n", headers=headers)
    assert (empty.status, "lacks the part `image`" in empty.error) == (422, True)


def test_two_gigabytes_are_refused_before_they_are_sent(web: Site) -> None:
    with socket.create_connection((HOST, web.port), 10) as client:
        client.sendall(
            b"POST /api/predict/video HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2000000000\r\n\r\n"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_the_name_of_a_file_is_shown_without_its_folders_and_never_used(web: Site) -> None:
    name = "../../etc/<b>passwd\x07"
    answer = web.upload("/api/predict/image", image=(name, b"rubbish", "image/png"))
    assert answer.error.startswith("<b>passwd")
    assert "etc" not in answer.error


def test_an_unknown_path_and_method_are_refused_as_json(web: Site) -> None:
    assert web.get("/api/nothing").status == 404
    assert web.get("/api/predict").status == 405
    assert web.get("/..%2f..%2fcli.py").status == 404


def test_a_stalled_upload_is_given_up_and_its_seat_is_free(picture: bytes) -> None:
    with site(Limits(stall_s=0.3, workers=1, waiting=0)) as web:
        with socket.create_connection((HOST, web.port), 10) as client:
            client.sendall(
                b"POST /api/predict/image HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2000\r\n\r\n"
            )
            assert client.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert web.upload("/api/predict/image", image=picture).status == 200


def test_an_upload_that_drips_is_given_up_as_well(picture: bytes) -> None:
    with site(Limits(upload_s=0.5, workers=1, waiting=0)) as web:
        with socket.create_connection((HOST, web.port), 10) as client:
            client.sendall(
                b"POST /api/predict/image HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2000\r\n\r\n"
            )
            client.settimeout(0.05)
            answer = b""
            while not answer:
                with contextlib.suppress(TimeoutError):
                    client.sendall(b"\r")
                    answer = client.recv(4096)
            client.settimeout(10)
            with contextlib.suppress(ConnectionError):  # it does not read what else dripped
                while more := client.recv(4096):
                    answer += more
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"not received within 0.5 s" in answer
        assert web.upload("/api/predict/image", image=picture).status == 200


@pytest.mark.parametrize("accept", [{}, {"Accept": "application/x-ndjson"}])
def test_a_client_that_leaves_frees_its_seat_at_once(accept: dict[str, str]) -> None:
    with site(Limits(workers=1, waiting=0)) as web:
        assert web.post("/api/predict", {"text": "hello"}).status == 200
        (pid,) = web.server.pool.pids
        os.kill(pid, signal.SIGSTOP)  # a file that keeps its reader for long
        body, kind = urllib3.encode_multipart_formdata(
            {"video": ("a.mkv", HAPPY_CLIP.read_bytes())}
        )
        with socket.create_connection((HOST, web.port), 10) as client:
            lines = {
                "Host": "localhost",
                "Content-Type": kind,
                "Content-Length": len(body),
            } | accept
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            client.sendall(b"POST /api/predict/video HTTP/1.1\r\n" + head.encode() + b"\r\n" + body)
            wait_until(lambda: web.server.uploads.left_bytes < Limits().all_uploads_bytes)
        wait_until(lambda: web.server.pool.busy == 0)
        assert web.server.uploads.left_bytes == Limits().all_uploads_bytes
        assert web.post("/api/predict", {"text": "hello"}).status == 200
        assert web.server.pool.pids != [pid]


MAX_GROWTH_MB = 20.0
"""The fifty pictures that were sent have 16 MB together, in this process as well."""


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_of_fifty_parallel_uploads_none_is_lost_and_nothing_stays_behind(
    picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # is chosen once
    with site(Limits(workers=2, waiting=8)) as web:
        for _ in range(12):
            assert web.upload("/api/predict/image", image=picture).status == 200
        before_mb = rss_mb(os.getpid())
        threads, files = threading.active_count(), descriptors()
        with ThreadPoolExecutor(50) as pool:
            answers = list(
                pool.map(lambda _: web.upload("/api/predict/image", image=picture), range(50))
            )
        statuses = [one.status for one in answers]
        assert set(statuses) <= {200, 429}
        assert statuses.count(200) >= 10
        assert all("try again" in one.error for one in answers if one.status == 429)
        assert {one.json["results"][0]["emotion"] for one in answers if one.status == 200} == {
            "happy"
        }
        wait_until(lambda: web.server.pool.busy == 0)
        assert len(web.server.pool.pids) <= 2
        wait_until(lambda: descriptors() <= files + 2)  # the socket of the second worker
        wait_until(lambda: threading.active_count() <= threads + 1)
        assert rss_mb(os.getpid()) - before_mb < MAX_GROWTH_MB
        assert not list(tmp_path.iterdir())
    assert web.server.pool.pids == []


def test_uploads_are_refused_while_others_take_all_the_memory(picture: bytes) -> None:
    with site(Limits(all_uploads_bytes=len(picture) - 1)) as web:
        answer = web.upload("/api/predict/image", image=picture)
        assert (answer.status, "try again in a moment" in answer.error) == (429, True)
    with site(Limits(all_uploads_bytes=len(picture))) as web:
        for _ in range(2):  # it was given back
            assert web.upload("/api/predict/image", image=picture).status == 200


def test_a_reader_that_ended_meanwhile_is_replaced(picture: bytes) -> None:
    with site(Limits(workers=1)) as web:
        assert web.upload("/api/predict/image", image=picture).status == 200
        (pid,) = web.server.pool.pids
        os.kill(pid, 9)  # as the kernel does when memory is short
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert web.upload("/api/predict/image", image=picture).status == 200


def test_a_file_that_takes_too_long_is_given_up(picture: bytes) -> None:
    with site(Limits(work_s=0.01)) as web:
        answer = web.upload("/api/predict/image", image=picture)
        assert (answer.status, "took longer than 0.01 s" in answer.error) == (422, True)
        assert web.server.pool.pids == []


def test_workers_without_work_are_ended(web: Site, picture: bytes) -> None:
    assert web.upload("/api/predict/image", image=picture).status == 200
    assert web.server.pool.pids
    web.server.pool.stop_unused(float("inf"))
    assert web.server.pool.pids == []
    assert web.upload("/api/predict/image", image=picture).status == 200
