"""The commands as a user runs them."""

import getpass
import json
import os
import re
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.cli import MESSAGES
from edge.commands.bench_report import BenchReport
from edge.config import Models
from edge.perception.loader import ModelLoader
from edge.resources import CONFIGS, SAMPLES
from edge.values import MODALITIES


def emotiond(*arguments: str | Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def _objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_predict_gives_a_json_object_per_input_and_modality() -> None:
    done = emotiond("predict", "--json", HAPPY_CLIP, "--text", "this is disgusting")
    assert done.returncode == 0, done.stderr
    results = _objects(done)
    assert [r["modality"] for r in results] == ["face", "speech", "fused", "text"]
    assert results[0]["emotion"] == results[2]["emotion"] == "happy"
    assert results[3]["emotion"] == "disgust"
    for result in results:
        assert list(result) == [
            "input",
            "modality",
            "subject",
            "emotion",
            "confidence",
            "probabilities",
            "native",
            "valence",
            "arousal",
        ]
        assert len(result["probabilities"]) == 7  # type: ignore[arg-type]


def test_predict_answers_for_every_face_and_marks_the_primary_one(tmp_path: Path) -> None:
    head = next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels[60:260, 120:320]
    smaller = cv2.copyMakeBorder(cv2.resize(head, (160, 160)), 20, 20, 20, 20, cv2.BORDER_REPLICATE)
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([head, smaller]))
    faces = _objects(emotiond("predict", "--json", tmp_path / "two.png"))
    assert [face["primary"] for face in faces] == [True, False]
    left, right = (face["box"]["left"] for face in faces)  # type: ignore[index]
    assert left < head.shape[1] < right
    assert {face["subject"] for face in faces} == {1, 2}
    shown = emotiond("predict", tmp_path / "two.png").stdout.splitlines()
    assert [line.split()[1] for line in shown[2:]] == ["face", "face"]
    assert " face 2 " in shown[3]


def test_predict_fuses_a_picture_a_sound_and_a_text(tmp_path: Path) -> None:
    picture, sound = tmp_path / "face.png", tmp_path / "voice.wav"
    cv2.imwrite(str(picture), next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels)
    soundfile.write(sound, read_sound(HAPPY_CLIP), 16000)
    given = ("--image", picture, "--audio", sound, "--text", "I am so happy!")
    done = emotiond("predict", "--json", *given)
    assert done.returncode == 0, done.stderr
    results = _objects(done)
    assert [one["modality"] for one in results] == ["face", "speech", "text", "fused"]
    assert results[3]["input"] == f"{picture} + {sound} + text"
    assert results[3]["emotion"] == "happy"
    assert results[3]["valence"] > 0.3  # type: ignore[operator]


def test_predict_fuses_what_there_is_and_names_what_is_missing(tmp_path: Path) -> None:
    picture = tmp_path / "wall.png"
    cv2.imwrite(str(picture), np.full((240, 320, 3), 90, np.uint8))
    done = emotiond("predict", "--json", "--image", picture, "--text", "I hate you")
    assert done.returncode == 1
    failure, text, fused = _objects(done)
    assert "no face" in str(failure["error"])
    assert text["emotion"] == fused["emotion"] == "angry"
    refused = emotiond("predict", "--image", picture, HAPPY_CLIP)
    assert refused.returncode == 1
    assert "fused with at most one --text" in refused.stderr


def test_predict_reads_pictures_whole_and_cropped(tmp_path: Path) -> None:
    picture = tmp_path / "face.png"
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    cv2.imwrite(str(picture), frame.pixels)
    assert _objects(emotiond("predict", "--json", tmp_path))[0]["emotion"] == "happy"
    crop = tmp_path / "crop.png"
    cv2.imwrite(str(crop), cv2.resize(frame.pixels[95:210, 160:275], (48, 48)))
    assert _objects(emotiond("predict", "--json", "--cropped", crop))[0]["emotion"] == "happy"


def test_predict_turns_videos_as_the_camera_and_leaves_pictures(tmp_path: Path) -> None:
    frames = [np.rot90(frame.pixels, 2) for frame in read_frames(HAPPY_CLIP, 15.0)]
    height, width = frames[0].shape[:2]
    clip, picture = tmp_path / "hanging.avi", tmp_path / "upright.png"
    video = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (width, height))
    for frame in frames:
        video.write(np.ascontiguousarray(frame))
    video.release()
    cv2.imwrite(str(picture), np.rot90(frames[0], 2))
    config = tmp_path / "config.yaml"
    config.write_text("camera: {rotate: 180}\nmodels: {face: {min_detection_score: 0.9}}\n")
    found = _objects(emotiond("predict", "--json", "--config", config, clip, picture))
    faces = [one for one in found if one.get("modality") == "face"]
    assert [one["input"] for one in faces] == [str(clip), str(picture)]
    assert {one["emotion"] for one in faces} == {"happy"}


def test_predict_continues_after_an_unreadable_input(tmp_path: Path) -> None:
    for name in ("a.png", "b.wav", "c.mp4"):
        (tmp_path / name).write_bytes(b"rubbish")
    cv2.imwrite(str(tmp_path / "d.png"), np.zeros((50, 50, 3), np.uint8))
    texts = tmp_path / "texts.txt"
    texts.write_text("I am so happy about this!\n\nthis is disgusting\n")
    done = emotiond("predict", "--json", tmp_path, tmp_path / "none.jpg", "--text-file", texts)
    assert done.returncode == 1
    results = _objects(done)
    assert [str(r["input"]) for r in results if "error" in r] == [
        str(tmp_path / name) for name in ("a.png", "b.wav", "c.mp4", "d.png", "none.jpg")
    ]
    assert [(r["input"], r["emotion"]) for r in results if "error" not in r][0::2] == [
        (f"{texts}:1", "happy"),
        (f"{texts}:3", "disgust"),
    ]


def test_predict_reads_a_video_container_with_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "voice.webm"
    sound = read_sound(HAPPY_CLIP)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = 16000
        for part in (frame, None):
            container.mux(stream.encode(part))
    assert [r["modality"] for r in _objects(emotiond("predict", "--json", path))] == ["speech"]


def test_predict_reports_an_error_for_each_sound_without_a_voice(tmp_path: Path) -> None:
    hum = 0.3 * np.sin(2 * np.pi * 50 * np.arange(3 * 16000) / 16000)
    sounds = {
        "hum": hum,
        "nan": np.full(48000, np.nan),
        "short": hum[:160],
        "silence": np.zeros(48000),
        "zero": None,
    }
    for name, sound in sounds.items():
        file = tmp_path / f"{name}.wav"
        file.touch()
        if sound is not None:
            soundfile.write(file, sound, 16000, subtype="FLOAT")
    done = emotiond("predict", "--json", tmp_path)
    assert done.returncode == 1
    errors = {Path(str(one["input"])).stem: str(one["error"]) for one in _objects(done)}
    assert "not a readable sound or video" in errors.pop("zero")
    assert set(errors) == {"hum", "nan", "short", "silence"}
    assert all("no voice in it" in error for error in errors.values())


def test_predict_continues_after_a_faulty_text_file(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_bytes(b"this is disgusting\n\xff\n")
    done = emotiond("predict", "--json", "--text-file", "/none", "--text-file", texts)
    assert done.returncode == 1
    missing, good, bad = _objects(done)
    assert "cannot read it" in str(missing["error"])
    assert good["emotion"] == "disgust"
    assert bad == {"input": f"{texts}:2", "error": f"{texts}:2: not UTF-8 (byte 0)"}


def test_predict_names_files_whose_names_are_not_utf8(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.png"
    Path(os.fsdecode(odd)).write_bytes(b"rubbish")
    done = emotiond("predict", "--json", tmp_path)
    assert done.returncode == 1
    failure = _objects(done)[0]
    assert failure["input"] == f"{tmp_path}/?.png"
    assert str(failure["error"]).startswith(f"{tmp_path}/?.png: not a readable picture")


def test_predict_refuses_a_picture_too_large_for_memory(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 70_000, 70_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    path = tmp_path / "huge.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    done = emotiond("predict", path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_predict_prints_a_table_for_people() -> None:
    done = emotiond("predict", HAPPY_CLIP)
    assert done.stdout.splitlines()[0].split() == ["input", "modality", "emotion", "confidence"]
    assert "happy" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict"], "nothing to predict"),
        (["predict", "--text-file", "/none"], "/none: cannot read it (No such file"),
        (["predict", "/none.jpg"], "/none.jpg: no such file"),
        (["predict", "/none.mp4"], "/none.mp4: no such file"),
    ],
)
def test_predict_names_the_error(arguments: list[str], sentence: str) -> None:
    done = emotiond(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_check_config_distinguishes_good_from_bad(tmp_path: Path) -> None:
    good = emotiond("check-config", CONFIGS / "default.yaml")
    assert (good.returncode, "valid" in good.stdout) == (0, True)
    path = tmp_path / "f.yaml"
    path.write_text("camera: {fps: -1}\nmqt: {}\n")
    bad = emotiond("check-config", path)
    assert bad.returncode == 78
    assert len(bad.stderr.splitlines()) == 2


def test_check_config_opens_the_files_that_are_named(tmp_path: Path) -> None:
    path, secret = tmp_path / "f.yaml", tmp_path / "secret"
    path.write_text(
        f"camera: {{source: {tmp_path}/none.mp4}}\n"
        f"microphone: {{source: {tmp_path}/none.wav}}\n"
        "models: {face: {model: speech.json}, speech: {model: none.json}}\n"
        "fusion: {file: none.json}\n"
        f"mqtt: {{username: u, password_file: {secret}}}\n"
    )
    done = emotiond("check-config", path)
    assert done.returncode == 78
    assert done.stderr.startswith(f"mqtt.password_file '{secret}' cannot be used")
    secret.write_text("a secret")
    done = emotiond("check-config", path)
    assert (done.returncode, "valid" in done.stdout) == (0, True)
    keys = [line.split(": ")[1] for line in done.stderr.splitlines()]
    assert keys == [
        "models.face",
        "camera.source",
        "models.speech",
        "microphone.source",
        "fusion.file",
    ]
    path.write_text("camera:\nmqtt: {host: nowhere.invalid}\n")
    assert emotiond("check-config", path).returncode == 0


def test_schema_prints_json() -> None:
    assert set(json.loads(emotiond("schema").stdout)) == set(MESSAGES)
    assert json.loads(emotiond("schema", "event").stdout)["title"].startswith("emotiond event")


def test_demo_plays_every_clip_and_ends_with_a_table() -> None:
    done = emotiond("demo", timeout_s=120)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.split("clip  ")[1].splitlines()
    clips = sorted(path.name for path in SAMPLES.glob("*.mkv"))
    assert len(clips) == 6
    shown = [row.split() for row in rows if row.startswith(tuple(clips))]
    assert [row[0] for row in shown] == clips
    assert {row[0]: row[1] for row in shown}["1001_DFA_HAP_XX.mkv"] == "happy"
    marks = {"✓": 0, "✗": 0, "?": 0}
    for row in shown:
        assert row[-1] == "ms"
        assert "–" not in row
        _, true, fused, mark, *_ = row
        marks[mark] += 1
        assert (mark == "✓") == (true == fused)
        assert (mark == "?") == (fused == "unknown")
    assert f"\n{marks['✓']} of 6 right, {marks['?']} unknown; " in done.stdout
    assert "emotiond serve" in done.stdout
    # The daemon plays in real time and publishes at most once a second, so that a belief at the
    # border of unknown may fall either way; no clip has two emotions.
    read = emotiond("predict", "--json", *(SAMPLES / name for name in clips))
    of_clips = {
        Path(one["input"]).name: one["emotion"]
        for one in map(json.loads, read.stdout.splitlines())
        if one["modality"] == "fused"
    }
    pairs = [(of_clips[row[0]], row[2]) for row in shown]
    assert all(one == played or "unknown" in (one, played) for one, played in pairs)
    assert sum(one == played for one, played in pairs) >= 4


def test_bench_measures_every_stage_and_tells_nothing_about_its_owner() -> None:
    done = emotiond("bench", "--repeat", "3", "--json")
    assert done.returncode == 0, done.stderr
    report = msgspec.json.decode(done.stdout, type=BenchReport)
    stages = ("detect", "crop", "classify", "features", "speech", "text", "fuse", "publish")
    assert {one.name for one in report.stages} >= set(stages)
    assert all(0 < one.p50_ms <= one.p90_ms <= one.p99_ms for one in report.stages)
    assert report.daemon.peak_rss_mb > 50
    assert report.daemon.messages > 0
    assert set(report.models) == {"detector", *MODALITIES}
    assert not set(re.split(r"[^\w.-]+", done.stdout)) & {socket.gethostname(), getpass.getuser()}
    assert not [one for one in (str(Path.home()), str(Path.cwd())) if one in done.stdout]
    shown = report.render()
    assert all(f"\n{name} " in shown for name in stages)
    assert "daemon, three modalities: peak RSS" in shown


def test_predict_reads_no_face_after_the_person_has_left(tmp_path: Path) -> None:
    frames = list(read_frames(HAPPY_CLIP, 15.0))
    clip = tmp_path / "leaves.avi"
    height, width = frames[0].pixels.shape[:2]
    video = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (width, height))
    for frame in frames[:5]:
        video.write(frame.pixels)
    for _ in range(60):
        video.write(np.full((height, width, 3), 90, np.uint8))
    video.release()
    perception = ModelLoader(Models()).new_face()
    seen = [len(perception.perceive(frame).observations) for frame in read_frames(clip, 15.0)]
    assert seen == [1] * 5 + [0] * 60
    found = _objects(emotiond("predict", "--json", clip))
    assert [one["emotion"] for one in found if one.get("modality") == "face"] == ["happy"]
