"""A folder gives all that can be read in it, and names what cannot."""

from pathlib import Path

import pytest

from benchmarks.harness.media_corpus import whole
from edge.capture.files import open_regular
from edge.capture.folders import media_files
from edge.errors import SourceError
from tests.support.privileges import without_privileges


def test_a_folder_gives_what_can_be_read_and_counts_what_is_skipped(tmp_path: Path) -> None:
    jpeg = whole(".jpg")
    for name in ("a.JPG", "b.aac", "c", "sub/d.mka", "e.wma"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(jpeg if name in ("a.JPG", "c") else b"sound")
    for name in ("._a.JPG", ".DS_Store", "x.txt", "y.txt", "Thumbs.db", "__MACOSX/._a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"other")
    folder = media_files(tmp_path)
    names = [str(one.relative_to(tmp_path)) for one in folder.files]
    assert names == ["a.JPG", "b.aac", "c", "e.wma", "sub/d.mka"]
    assert folder.skipped == "1 .db, 2 .txt"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, reached by a relative path, whose parents nobody may enter."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    return Path()


def test_a_folder_that_must_not_be_read_is_named_and_the_others_are_read(here: Path) -> None:
    for name in ("closed", "open"):
        (here / name).mkdir()
        (here / name / "a.jpg").write_bytes(whole(".jpg"))
    (here / "closed").chmod(0)
    with without_privileges():
        folder = media_files(here)
    assert folder.files == (Path("open/a.jpg"),)
    ((unread, error),) = folder.unread
    assert (str(unread), str(error)) == ("closed", "closed: cannot read it (Permission denied)")


def test_a_folder_whose_files_must_not_be_read_gives_them_to_be_reported(here: Path) -> None:
    (here / "half").mkdir()
    (here / "half" / "a.jpg").write_bytes(whole(".jpg"))
    (here / "half").chmod(0o744)
    with without_privileges():
        assert media_files(here).files == (Path("half/a.jpg"),)
        with pytest.raises(SourceError, match=r"half/a.jpg: cannot read it \(Permission denied\)"):
            open_regular(Path("half/a.jpg"))


def test_a_link_to_nothing_is_reported_as_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("gone.jpg")
    assert media_files(tmp_path).files == (tmp_path / "a.jpg",)
