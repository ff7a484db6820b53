"""Reading from zip files that are encrypted, damaged, or packed by an unknown method."""

import shutil
import struct
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.datasets.files import open_archive, read_bytes, read_text
from converter.datasets.samples import DatasetError
from converter.tasks.face import FaceTask
from converter.tasks.registry import TASKS
from converter.tasks.text import TextTask
from tests.converter.face_trees import own_set
from tests.support.privileges import without_privileges

ENCRYPTED = {"flags": 1}
DEFLATE64 = {"method": 9}
UNPACKED_ELSEWHERE = "unpack the zip with another program"
UNPACKABLE = pytest.mark.parametrize(
    ("change", "reason"), [(ENCRYPTED, "encrypted"), (DEFLATE64, UNPACKED_ELSEWHERE)]
)


def rewrite_headers(archive: Path, member: str, flags: int = 0, method: int = 0) -> None:
    """Changes what the headers of a zip say about one of its files."""
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(member)
        central = opened.start_dir
    data = bytearray(archive.read_bytes())
    name = member.encode()
    while data[central + 46 : central + 46 + len(name)] != name:
        central += 46 + sum(struct.unpack("<3H", data[central + 28 : central + 34]))
    for start in (info.header_offset + 6, central + 8):
        struct.pack_into("<2H", data, start, flags or info.flag_bits, method or info.compress_type)
    archive.write_bytes(data)


def zipped_faces(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("FER2013Train", "FER2013Valid"):
        part = folder / "FERPlus" / split
        part.mkdir(parents=True)
        votes = ["10,0,0,0,0,0,0,0,0,0", "0,10,0,0,0,0,0,0,0,0"]
        rows = [f'{n}.png,"(0, 0, 48, 48)",{votes[n % 2]}' for n in range(6)]
        (part / "label.csv").write_text("\n".join(rows))
        for n in range(6):
            cv2.imwrite(str(part / f"{n}.png"), rng.integers(0, 256, (48, 48), np.uint8))
    return Path(shutil.make_archive(str(folder.with_suffix("")), "zip", folder))


@UNPACKABLE
def test_a_picture_that_cannot_be_unpacked_is_left_out_with_the_reason(
    tmp_path: Path, change: dict[str, int], reason: str
) -> None:
    archive = zipped_faces(tmp_path / "faces")
    rewrite_headers(archive, "FERPlus/FER2013Valid/3.png", **change)
    splits = FaceTask().load([archive])
    assert len(splits.test) == 5
    (left_out,) = splits.unusable
    assert left_out.startswith("FER2013Valid/3.png: ")
    assert reason in left_out


@UNPACKABLE
def test_a_table_that_cannot_be_unpacked_is_refused_with_its_path(
    tmp_path: Path, change: dict[str, int], reason: str
) -> None:
    archive = zipped_faces(tmp_path / "faces")
    rewrite_headers(archive, "FERPlus/FER2013Train/label.csv", **change)
    with pytest.raises(
        DatasetError, match=rf"faces\.zip/FERPlus/FER2013Train/label\.csv.*{reason}"
    ):
        FaceTask().load([archive])


def test_a_set_of_which_no_picture_can_be_unpacked_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    archive = zipped_faces(tmp_path / "faces")
    for number in range(6):
        rewrite_headers(archive, f"FERPlus/FER2013Train/{number}.png", **ENCRYPTED)
    with pytest.raises(DatasetError, match=r"no usable picture in it; the first of 6.*password"):
        FaceTask().load([archive])


@pytest.mark.parametrize("task", [FaceTask(), TextTask()])
def test_a_zip_with_a_damaged_directory_is_refused_by_every_task(
    tmp_path: Path, task: FaceTask | TextTask
) -> None:
    archive = zipped_faces(tmp_path / "faces")
    data = archive.read_bytes()
    at = data.index(b"PK\x01\x02")
    archive.write_bytes(data[:at] + b"XX" + data[at + 2 :])
    with pytest.raises(DatasetError, match=r"faces\.zip: not a readable zip file .*again"):
        task.load([archive])


def test_half_a_zip_is_refused(tmp_path: Path) -> None:
    archive = zipped_faces(tmp_path / "faces")
    archive.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(DatasetError, match="is it complete"):
        open_archive(archive)


def test_a_file_that_is_missing_is_called_so_inside_a_zip_and_outside(tmp_path: Path) -> None:
    root = open_archive(zipped_faces(tmp_path / "faces"))
    for folder in (root, tmp_path):
        assert read_bytes(folder / "x.png") == "missing"
    with pytest.raises(DatasetError, match=r"x\.csv: cannot be read: missing"):
        read_text(root / "x.csv")


def test_several_zips_in_a_folder_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        root = own_set(tmp_path / "data", "happy", "sad", of_each=1)
        shutil.make_archive(str(tmp_path / "zips" / name), "zip", root)
    with pytest.raises(
        DatasetError, match=r"contains a\.zip, b\.zip; unpack the one that you need"
    ):
        FaceTask().load([tmp_path / "zips"])


def test_a_zip_inside_a_zip_is_named(tmp_path: Path) -> None:
    root = own_set(tmp_path / "faces", "happy", "sad")
    inner = Path(shutil.make_archive(str(tmp_path / "inner"), "zip", root))
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "inner.zip")
    with pytest.raises(DatasetError, match=r"contains inner\.zip; unpack that one"):
        FaceTask().load([outer])


@pytest.mark.parametrize("task", ["face", "speech", "text"])
def test_data_that_the_system_does_not_let_be_read_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "data" / "closed").mkdir(parents=True)
    (tmp_path / "data" / "closed").chmod(0)
    with (
        without_privileges(),
        pytest.raises(DatasetError, match=r"closed: .*\(Permission denied\)"),
    ):
        TASKS[task]().load([Path("data")])
    with pytest.raises(DatasetError, match=r"a: cannot read it \(File name too long\)"):
        TASKS[task]().load([Path("a" * 300)])
