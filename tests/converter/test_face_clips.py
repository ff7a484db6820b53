import shutil
import tracemalloc
from pathlib import Path

import cv2
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from converter.datasets import face_clips
from converter.datasets.samples import DatasetError
from edge.capture.media import read_frames
from edge.resources import SAMPLES
from tests.converter.face_trees import load


def test_faces_of_labelled_clips_are_cropped_as_on_the_device_and_split_by_person(
    tmp_path: Path,
) -> None:
    pytest.importorskip("av")
    clips = sorted(SAMPLES.glob("*.mkv"))
    lines = ["file,emotion,speaker"]
    for number, clip in enumerate(clips[:5]):
        shutil.copy(clip, tmp_path / clip.name)
        lines.append(f"{clip.name},{('angry', 'happy')[number % 2]},person {number}")
    lines += ["gone.mkv,happy,person 1", f"{clips[0].name},bored,person 1", "a.opus,sad,person 2"]
    lines += [f"{clips[0].name},happy, ", "b.wav,sad,"]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    splits = load(tmp_path)
    parts = (splits.train, splits.held_back, splits.test)
    assert [sorted(set(one.groups)) for one in parts] == [
        ["person 0", "person 1", "person 2"],
        ["person 3"],
        ["person 4"],
    ]
    assert [len(one) for one in parts] == [24, 8, 8]
    assert splits.train.inputs[0].shape == (96, 96)
    text = splits.summary()
    assert "gone.mkv: no such file" in text
    assert "no emotion is called 'bored'" in text
    assert f"labels.csv:10: {clips[0].name}: no speaker" in text
    assert splits.notes == ("rows of labels.csv that are not videos: 2 (a.opus, b.wav)",)


def test_a_clip_is_not_held_in_memory(tmp_path: Path) -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 1.0))).pixels
    size = (640, 480)
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(tmp_path / "long.avi"), codec, 8.0, size)
    for _ in range(100):
        writer.write(cv2.resize(frame, size))
    writer.release()
    (tmp_path / "labels.csv").write_text("file,emotion,speaker\nlong.avi,happy,a\n")
    tracemalloc.start()
    with pytest.raises(DatasetError, match="no sample is left for held back"):
        face_clips.load(tmp_path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 30 * 640 * 480 * 3
