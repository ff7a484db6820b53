"""`emotiond predict` on files as people have them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.media import FloatSound, mux, tone
from edge.capture.media import read_frames, read_sound
from edge.resources import SAMPLES
from edge.values import SAMPLE_RATE_HZ, Pixels, Sound
from tests.support.packs import crashing_pack

Row = dict[str, object]


def predict(*arguments: str | Path) -> tuple[list[Row], str, int]:
    """Returns the rows, stderr and exit code."""
    start = [sys.executable, "-m", "edge.cli"]
    done = subprocess.run(
        [*start, "predict", "--json", *arguments],
        capture_output=True,
        check=False,
        timeout=60,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return rows, done.stderr.decode(errors="replace"), done.returncode


def modalities(rows: Iterable[Row]) -> dict[str, str]:
    return {str(row.get("modality", "error")): str(row.get("emotion", "")) for row in rows}


def voice(clip: Path) -> FloatSound:
    return as_floats(read_sound(clip))


def as_floats(sound: Sound) -> FloatSound:
    return sound / 32768


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    return [frame.pixels for frame in read_frames(HAPPY_CLIP, 30.0)][:40]


def test_modules_in_the_current_folder_are_not_run(tmp_path: Path) -> None:
    for name in ("msgspec", "numpy", "cv2", "av"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\n")
    script = Path(sys.executable).with_name("emotiond")
    command = [str(script), "predict", "--json", str(HAPPY_CLIP)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_file_that_cannot_be_read_is_one_error_and_the_others_are_read(tmp_path: Path) -> None:
    clips = [
        os.fsdecode(bytes(tmp_path) + name) for name in (b"/caf\xe9.mkv", b"/2026-11-28T10:15.mkv")
    ]
    for clip in clips:
        shutil.copy(HAPPY_CLIP, clip)
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0" + bytes(40))
    rows, errors, code = predict(bad, *clips)
    assert code == 1
    assert [row["input"] for row in rows if "error" in row] == [str(bad)]
    assert [row["modality"] for row in rows[1:]] == ["face", "speech", "fused"] * 2
    assert errors == ""


def test_predict_writes_no_lines_of_its_libraries_to_stderr() -> None:
    _, errors, code = predict(HAPPY_CLIP, "--text", "hello")
    assert (errors, code) == ("", 0)


def test_a_video_that_opencv_cannot_decode_is_seen_and_heard(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    path = mux(tmp_path / "a.mkv", [voice(HAPPY_CLIP)], pictures, codecs=("libopus", "libsvtav1"))
    rows, _, code = predict(path)
    assert modalities(rows)["face"] == "happy"
    assert (set(modalities(rows)), code) == ({"face", "speech", "fused"}, 0)


def test_a_modality_in_which_nothing_is_found_is_a_warning_beside_the_other(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    silent = mux(tmp_path / "silent.mkv", [0 * tone(2.0)], pictures)
    dark = mux(tmp_path / "dark.mkv", [voice(HAPPY_CLIP)], [0 * pictures[0]] * 10)
    rows, errors, code = predict(silent, dark)
    assert [row.get("modality") for row in rows] == ["face", "speech"]
    assert code == 0
    assert f"{silent}: no voice in it" in errors
    assert f"{dark}: no face in it; for faces further away set models.face.detector" in errors


def test_without_pyav_each_thing_that_cannot_be_read_is_named_with_the_remedy(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    """A folder with an `av` that cannot be imported stands for an installation without it."""
    av1 = mux(tmp_path / "av1.mkv", pictures=pictures, codecs=("", "libsvtav1"))
    missing = tmp_path / "without"
    missing.mkdir()
    (missing / "av.py").write_text("raise ImportError")
    start = [sys.executable, "-m", "edge.cli", "predict", "--json", str(av1), str(HAPPY_CLIP)]
    path = os.pathsep.join([str(missing), str(Path(__file__).parents[2])])
    done = subprocess.run(
        start, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    errors = [row["error"] for row in rows if "error" in row]
    assert "cannot decode its AV1 pictures" in errors[0]
    assert all("install `emotiond[media]`" in error for error in errors)
    assert modalities(rows)["face"] == "happy"


def test_the_sound_and_the_cover_of_a_voice_memo_are_not_a_face(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    path = tmp_path / "memo.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg")
        cover.height, cover.width = pictures[0].shape[:2]
        cover.pix_fmt, cover.disposition = "yuvj420p", av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(pictures[0], format="bgr24")))
        container.mux(cover.encode(None))
        sound = read_sound(SAMPLES / "1001_DFA_ANG_XX.mkv")
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        for part in (frame, None):
            container.mux(stream.encode(part))
    rows, errors, code = predict(path)
    assert ([row.get("modality") for row in rows], errors, code) == (["speech"], "", 0)


def test_a_smile_stays_a_smile_in_pixels_that_are_not_square(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    narrow = [np.asarray(cv2.resize(one, (352, 480)), np.uint8) for one in pictures]
    path = mux(tmp_path / "a.mp4", pictures=narrow, codecs=("", "libx264"), aspect=(20, 11))
    rows, _, _ = predict(path)
    assert modalities(rows) == {"face": "happy"}


def test_a_text_file_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    plain, marked = tmp_path / "plain.txt", tmp_path / "marked.txt"
    plain.write_text("I am so happy\n", encoding="utf-8")
    marked.write_text("I am so happy\n", encoding="utf-8-sig")
    rows, _, _ = predict("--text-file", plain, "--text-file", marked)
    assert rows[0]["probabilities"] == rows[1]["probabilities"]


def test_a_folder_is_read_by_content_and_what_is_skipped_is_counted(tmp_path: Path) -> None:
    face = next(iter(read_frames(HAPPY_CLIP, 15.0))).pixels
    (tmp_path / "a.jfif").write_bytes(cv2.imencode(".jpg", face)[1].tobytes())
    (tmp_path / "._a.jfif").write_bytes(b"resource fork")
    (tmp_path / "notes.txt").write_text("not media")
    rows, errors, code = predict(tmp_path)
    assert ([row.get("emotion") for row in rows], code) == (["happy"], 0)
    assert "skipped 1 .txt" in errors


def test_names_and_folders_that_the_system_refuses_are_errors_of_their_own(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    rows, errors, code = predict("a" * 300 + ".jpg", loop / "a.wav", "/dev/null", HAPPY_CLIP)
    reasons = [str(row["error"]).rpartition(": ")[2] for row in rows if "error" in row]
    assert reasons == [
        "cannot read it (File name too long)",
        "cannot read it (Too many levels of symbolic links)",
        "not a file but a device",
    ]
    assert [row.get("modality") for row in rows[3:]] == ["face", "speech", "fused"]
    assert (errors, code) == ("", 1)


def test_a_file_as_standard_input_is_read_and_a_pipe_is_refused() -> None:
    start = [sys.executable, "-m", "edge.cli", "predict", "--json", "/dev/stdin"]
    with HAPPY_CLIP.open("rb") as file:
        done = subprocess.run(start, stdin=file, capture_output=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["input"], row["modality"]) for row in rows] == [
        (str(HAPPY_CLIP), one) for one in ("face", "speech", "fused")
    ]
    done = subprocess.run(start, input=b"sound", capture_output=True, check=False)
    assert (
        json.loads(done.stdout)["error"]
        == "/dev/stdin: not a file but a pipe; write what comes through it into a file"
    )


def test_a_text_among_the_files_is_called_one(tmp_path: Path) -> None:
    program = tmp_path / "main.ts"
    program.write_text("export const answer = 42;\n")
    rows, _, code = predict(program)
    assert rows[0]["error"] == (
        f"{program}: a text, not a picture, sound or video; for texts use --text-file"
    )
    assert code == 1
    _, errors, _ = predict(tmp_path)
    assert "skipped 1 .ts" in errors


def test_a_model_that_would_end_the_command_is_named(tmp_path: Path) -> None:
    crashing_pack(tmp_path)
    config = tmp_path / "emotiond.yaml"
    config.write_text(f"models: {{folder: '{tmp_path}'}}\n")
    soundfile.write(tmp_path / "voice.wav", voice(HAPPY_CLIP), SAMPLE_RATE_HZ)
    rows, errors, code = predict("--config", config, tmp_path / "voice.wav")
    assert (rows, code) == ([], 1)
    assert errors == (
        f"emotiond: {tmp_path / 'speech.json'}: running it ends the process (SIGSEGV); "
        "copy model and manifest again, or make the pack again\n"
    )
