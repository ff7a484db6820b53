import hashlib
from pathlib import Path

import pytest

from converter.datasets import rafdb
from converter.datasets.samples import DatasetError
from converter.tasks.face import FaceTask
from tests.converter.face_trees import PACKINGS, load, pack, picture, raf_db, write


@pytest.mark.parametrize("packing", PACKINGS)
def test_rafdb_has_its_published_splits_and_reports_what_it_left_out(
    tmp_path: Path, packing: str
) -> None:
    rows = {f"train_{n:05}": n % 7 + 1 for n in range(40)} | {"test_0001": 4, "test_0002": 9}
    root = raf_db(tmp_path / "data", rows, missing=("train_00000",))
    aligned = root / "basic" / "Image" / "aligned"
    (aligned / "train_00001_aligned.png").write_bytes(b"rubbish")
    for number in range(7):
        write(aligned / f"stranger{number}.png", picture())
    splits = load(pack(root, packing))
    assert splits.trained_on == ("RAF-DB train",)
    assert splits.test_split == "test"
    assert (len(splits.train) + len(splits.held_back), len(splits.test)) == (38, 1)
    assert splits.test.counts()["happiness"] == 1
    assert splits.test.inputs[0].shape == (96, 96)
    assert splits.unusable == (
        "EmoLabel/list_patition_label.txt:42: expected a picture and a label from 1 to 7",
        "train_00000_aligned.png: missing",
        "train_00001_aligned.png: not a readable picture: of no known format; "
        "convert it to JPEG or PNG",
    )
    (strangers,) = (one for one in splits.notes if "list_patition_label" in one)
    assert strangers == (
        "7 pictures left out, not in EmoLabel/list_patition_label.txt: "
        "stranger0.png, stranger1.png, stranger2.png, stranger3.png, stranger4.png, …"
    )


def test_rafdb_without_its_test_pictures_is_tested_on_a_tenth_that_stays_the_same(
    tmp_path: Path,
) -> None:
    tested = tuple(f"test_{n:04}" for n in range(30))
    rows = {f"train_{n:05}": n % 7 + 1 for n in range(120)} | dict.fromkeys(tested, 1)
    root = raf_db(tmp_path, rows, missing=tested)
    first, again = (rafdb.load(root, seed=seed) for seed in (0, 1))
    assert first.trained_on == ("RAF-DB train without a tenth by hash",)
    assert first.test_split == "a tenth by hash"
    assert not first.unusable
    assert "all 30 test pictures of EmoLabel/list_patition_label.txt are missing" in first.notes
    assert 4 <= len(first.test) <= 24
    assert first.test.groups == again.test.groups
    assert first.held_back.groups != again.held_back.groups


def test_the_tenth_of_rafdb_depends_on_its_files_alone(tmp_path: Path) -> None:
    root = raf_db(tmp_path, {f"train_{n:05}": n % 7 + 1 for n in range(120)})
    files = sorted((root / "basic" / "Image" / "aligned").iterdir())
    chosen = tuple(
        file.name.replace("_aligned", "")
        for file in files
        if int(hashlib.sha256(file.read_bytes()).hexdigest()[:16], 16) % 10 == 0
    )
    assert rafdb.load(root).test.groups == chosen


def test_rafdb_without_pictures_is_refused(tmp_path: Path) -> None:
    raf_db(tmp_path, {"train_00001": 1}, missing=("train_00001",))
    with pytest.raises(
        DatasetError, match=r"no usable picture of EmoLabel.*00001_aligned.*missing"
    ):
        rafdb.load(tmp_path)
    packed = tmp_path / "basic" / "Image" / "aligned.zip"
    packed.parent.mkdir()
    packed.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"Image/aligned\.zip: .* still packed; unpack it"):
        FaceTask().load([tmp_path])
