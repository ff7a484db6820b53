import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.datasets import fer2013, ferplus, own_faces
from converter.datasets.face_folders import CK_PLUS
from converter.datasets.pictures import LABELS
from converter.datasets.samples import DatasetError
from converter.tasks.face import FaceTask

HEADER = "name,box,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def _ferplus(root: Path) -> Path:
    rows = {
        "a.png": [4, 0, 0, 1, 5, 0, 0, 0, 0, 0],  # the single vote for sadness is dropped
        "b.png": [0, 10, 0, 0, 0, 0, 0, 0, 0, 0],
        "c.png": [9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "d.png": [0, 0, 0, 8, 0, 0, 0, 0, 0, 0],
        "nobody.png": [1, 0, 0, 0, 0, 0, 0, 0, 2, 7],
        "missing.png": [10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "broken.png": [10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }
    for split in ("FER2013Train", "FER2013Valid"):
        folder = root / "FERPlus" / split
        folder.mkdir(parents=True)
        lines = [f'{name},"(0, 0, 48, 48)",{",".join(map(str, v))}' for name, v in rows.items()]
        (folder / "label.csv").write_text("\n".join([*lines, "odd,row", HEADER]) + "\n")
        for index, name in enumerate(("a.png", "b.png", "c.png", "d.png", "nobody.png")):
            cv2.imwrite(str(folder / name), np.full((48, 48), 40 * index, np.uint8))
        (folder / "broken.png").write_bytes(b"rubbish")
    return root


@pytest.mark.parametrize("zipped", [False, True])
def test_ferplus_has_votes_as_distributions_and_reports_what_it_left_out(
    tmp_path: Path, zipped: bool
) -> None:
    root = _ferplus(tmp_path / "data")
    path = Path(shutil.make_archive(str(tmp_path / "ferplus"), "zip", root)) if zipped else root
    splits = ferplus.load(path)
    assert len(splits.train) + len(splits.held_back) == len(splits.test) == 4
    first = splits.test.targets[0]
    assert first[LABELS.index("anger")] == pytest.approx(5 / 9)
    assert first[LABELS.index("sadness")] == 0
    assert splits.test.inputs[1].shape == (48, 48)
    assert len(splits.unusable) == 10
    text = splits.summary()
    assert "FER2013Valid: 4 (neutral 1, happiness 1" in text
    for reason in ("missing.png: missing", "broken.png: not a readable", "nobody.png: no emotion"):
        assert reason in text


def test_the_original_labels_take_part_in_the_training_targets_of_ferplus(tmp_path: Path) -> None:
    root = _ferplus(tmp_path)
    plain = ferplus.load(root)
    table = root / "FERPlus" / "fer2013_labels.csv"
    table.write_text("image,usage,emotion\na.png,Training,0\nnobody.png,Training,3\n")
    splits = ferplus.load(root)
    targets = dict(zip(splits.train.groups, splits.train.targets, strict=True))
    votes = dict(zip(plain.train.groups, plain.train.targets, strict=True))
    anger, happiness = (LABELS.index(one) for one in ("anger", "happiness"))
    share = ferplus.ORIGINAL_SHARE
    assert 0 < share < 0.5
    assert targets["a.png"][anger] == pytest.approx((1 - share) * votes["a.png"][anger] + share)
    assert targets["a.png"].sum() == pytest.approx(1)
    assert targets["nobody.png"][happiness] == 1  # no emotion has the majority of its votes
    assert np.array_equal(targets["b.png"], votes["b.png"])
    # Measured by the votes alone.
    assert splits.test.labelled.groups == plain.test.groups
    assert np.array_equal(splits.test.labelled.targets, plain.test.targets)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("a,b\n1,2\n", "expected the columns image and emotion"),
        ("image,emotion\na.png,happy\n", "expected the columns image and emotion"),
        ("image,emotion\na.png,7\n", r"a\.png has the emotion 7, not 0\.\.6"),
    ],
)
def test_wrong_original_labels_are_refused(tmp_path: Path, table: str, sentence: str) -> None:
    root = _ferplus(tmp_path)
    (root / "FERPlus" / "fer2013_labels.csv").write_text(table)
    with pytest.raises(DatasetError, match=sentence):
        ferplus.load(root)


def test_ferplus_refuses_another_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"FER2013Train/label\.csv"):
        ferplus.load(tmp_path)
    (_ferplus(tmp_path) / "FERPlus" / "FER2013Valid" / "label.csv").unlink()
    with pytest.raises(DatasetError, match=r"FER2013Valid/label\.csv"):
        ferplus.load(tmp_path)
    rubbish = tmp_path / "f.zip"
    rubbish.write_bytes(b"rubbish")
    with pytest.raises(DatasetError, match=r"f\.zip: not a readable zip file"):
        ferplus.load(rubbish)


def _pictures(folder: Path, names: dict[str, list[str]]) -> None:
    for emotion, files in names.items():
        (folder / emotion).mkdir(parents=True)
        for file in files:
            cv2.imwrite(str(folder / emotion / file), np.full((60, 50, 3), 90, np.uint8))


def test_fer2013_as_a_table_keeps_its_splits(tmp_path: Path) -> None:
    pixels = " ".join(["7"] * 48 * 48)
    rows = [f"{label},{pixels},Training" for label in [0, 6] * 10]
    rows += [f"3,{pixels},PublicTest", f"4,{pixels},PrivateTest"]
    rows += ["9," + pixels + ",Training", "0,1 2 3,Training", f"0,{pixels},Elsewhere"]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    for path in (tmp_path, tmp_path / "fer2013.csv"):
        splits = FaceTask().load([path])
        assert splits.dataset == "FER2013"
        assert (len(splits.train), len(splits.held_back), len(splits.test)) == (18, 2, 1)
        assert splits.test.counts()["happiness"] == 1
        assert splits.test.inputs[0].shape == (48, 48)
        assert len(splits.unusable) == 3


def test_fer2013_as_folders_is_read(tmp_path: Path) -> None:
    for split in ("train", "test"):
        names = [f"Training_{number}.jpg" for number in range(4)]
        _pictures(tmp_path / split, {"angry": names[:2], "happy": names[2:]})
    (tmp_path / "train" / "happy" / "broken.png").write_bytes(b"rubbish")
    (tmp_path / "train" / "bored").mkdir()
    splits = FaceTask().load([tmp_path])
    assert (splits.dataset, len(splits.train) + len(splits.held_back), len(splits.test)) == (
        "FER2013",
        4,
        4,
    )
    assert splits.test.counts()["anger"] == 2
    assert len(splits.unusable) == 2
    assert any("no emotion is called 'bored'" in reason for reason in splits.unusable)


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="expected the columns emotion, pixels and Usage"):
        fer2013.load(tmp_path)


def test_ckplus_is_split_by_subject(tmp_path: Path) -> None:
    names = [f"S{subject:03}_001_{frame:08}.png" for subject in range(20) for frame in (1, 2, 3)]
    _pictures(tmp_path, {"anger": names[:30], "surprise": names[30:], "fear": ["odd.png"]})
    assert CK_PLUS.matches(tmp_path)
    splits = CK_PLUS.load(tmp_path)
    assert splits.dataset == "CK+48"
    groups = [set(part.groups) for part in (splits.train, splits.held_back, splits.test)]
    assert [len(one) for one in groups] == [14, 2, 4]
    assert not groups[0] & groups[1]
    assert not (groups[0] | groups[1]) & groups[2]
    assert len(splits.test) == 12
    assert any("odd is not named" in reason for reason in splits.unusable)


def test_own_pictures_keep_the_splits_of_their_folders(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        files = [f"{number}.png" for number in range(count)]
        _pictures(tmp_path / split, {"Happy": files, "sad": files})
    splits = FaceTask().load([tmp_path])
    assert [len(part) for part in (splits.train, splits.held_back, splits.test)] == [6, 4, 2]
    assert splits.licence == own_faces.LICENCE


def test_own_pictures_keep_their_detail(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        _pictures(tmp_path / split, {"happy": ["a.png"], "sad": ["b.png"]})
    large = np.zeros((300, 280), np.uint8)
    cv2.imwrite(str(tmp_path / "test" / "happy" / "a.png"), large)
    task = FaceTask(side=96)
    splits = task.load([tmp_path])
    assert [one.shape for one in splits.test.inputs] == [(96, 96), (60, 60)]
    rng = np.random.default_rng(0)
    for picture in splits.test.inputs:
        for _ in range(20):
            assert task.augment(picture, rng).shape == picture.shape


def test_unreadable_pictures_and_stray_ones_are_reported(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        _pictures(tmp_path / split, {"happy": ["a.png"], "sad": ["b.png"]})
    (tmp_path / "train" / "stray.png").write_bytes(b"")
    (tmp_path / "train" / "happy" / "readme.txt").write_text("pictures of May")
    splits = FaceTask().load([tmp_path])
    for name in ("stray.png", "readme.txt"):
        assert any(name in reason for reason in splits.unusable)
        assert name in splits.summary()


def test_pictures_too_small_for_a_face_are_left_out_with_their_size(tmp_path: Path) -> None:
    root = _ferplus(tmp_path / "data")
    cv2.imwrite(str(root / "FERPlus" / "FER2013Valid" / "a.png"), np.zeros((2, 48), np.uint8))
    splits = FaceTask().load([root])
    smallest = "48x2 pixels; a face needs 16x16"
    assert f"FER2013Valid/a.png: {smallest}" in splits.unusable
    assert len(splits.test) == 3
    for split in ("train", "val", "test"):
        _pictures(tmp_path / "own" / split, {"happy": ["a.png", "b.png"], "sad": ["c.png"]})
    for file, side in (("a.png", 15), ("b.png", 16)):
        pixels = np.zeros((side, side), np.uint8)
        cv2.imwrite(str(tmp_path / "own" / "train" / "happy" / file), pixels)
    splits = FaceTask().load([tmp_path / "own"])
    (left_out,) = splits.unusable
    assert left_out.endswith("train/happy/a.png: 15x15 pixels; a face needs 16x16")
    rng = np.random.default_rng(0)
    for picture in splits.train.inputs:
        for _ in range(20):
            FaceTask().augment(picture, rng)


def test_pictures_of_unknown_emotions_only_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        _pictures(tmp_path / split, {"bored": ["a.png"], "sleepy": ["b.png"]})
    with pytest.raises(DatasetError, match=r"no emotion is called 'bored' \(3 pict"):
        FaceTask().load([tmp_path])


def test_a_table_of_one_emotion_is_refused(tmp_path: Path) -> None:
    pixels = " ".join(["7"] * 48 * 48)
    rows = [f"3,{pixels},{usage}" for usage in ["Training"] * 20 + ["PublicTest"]]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    with pytest.raises(DatasetError, match="every training sample shows happiness"):
        FaceTask().load([tmp_path])


def test_too_few_subjects_for_three_splits_are_refused(tmp_path: Path) -> None:
    names = [f"S00{subject}_001_0000000{frame}.png" for subject in range(3) for frame in (1, 2)]
    _pictures(tmp_path, {"anger": names[:3], "surprise": names[3:]})
    with pytest.raises(DatasetError, match="no sample is left for held back"):
        FaceTask().load([tmp_path])


def test_a_damaged_picture_in_a_zip_is_reported_and_a_damaged_table_refused(tmp_path: Path) -> None:
    root = _ferplus(tmp_path / "data")
    archive = tmp_path / "ferplus.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for file in sorted(root.rglob("*")):
            target.write(file, file.relative_to(root))
    data = archive.read_bytes()
    picture = (root / "FERPlus" / "FER2013Valid" / "d.png").read_bytes()
    at = data.rindex(picture)
    archive.write_bytes(data[: at + 20] + b"\x00\x01" + data[at + 22 :])
    splits = ferplus.load(archive)
    assert any("d.png: damaged in the zip" in reason for reason in splits.unusable)
    (root / "FERPlus" / "FER2013Valid" / "label.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"label\.csv: cannot be read"):
        ferplus.load(root)


def test_a_path_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere: no such file or folder; check the path$"):
        FaceTask().load([tmp_path / "nowhere"])


def test_no_faces_and_faces_of_one_emotion_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no known data set, it contains"):
        FaceTask().load([tmp_path])
    for split in ("train", "val", "test"):
        _pictures(tmp_path / split, {"happy": ["a.png"]})
    with pytest.raises(DatasetError, match="every training sample shows happiness"):
        FaceTask().load([tmp_path])
