import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.datasets import face_sets
from converter.datasets.pictures import LABELS
from converter.datasets.priors import label_priors
from converter.datasets.samples import DatasetError
from converter.tasks.face import FaceTask
from tests.converter.face_trees import emotion_folders, own_set, picture, raf_db, write

RNG = np.random.default_rng(0)
CONTEMPT = LABELS.index("contempt")


def test_joined_sets_are_groups_drawn_by_size_each_with_its_labels(tmp_path: Path) -> None:
    small = own_set(tmp_path / "small", "happy", "sad", of_each=3)
    large = own_set(tmp_path / "large", "happy", "sad", "contempt", of_each=12)
    task = FaceTask()
    splits = task.load([small, large])
    assert splits.dataset == "small + large"
    assert set(splits.train.groups) == {"small", "large"}
    assert splits.schemes["small"].labels == ("happiness", "sadness")
    assert splits.trained_on == ("small train", "large train")
    priors = label_priors(splits.train, splits.schemes)
    assert priors["small"][CONTEMPT] == 0
    assert priors["large"][CONTEMPT] > 0
    is_small = np.array(splits.train.groups) == "small"
    weights = task.sample_weights(splits.train)
    assert weights is not None
    assert weights.sum() == pytest.approx(1)
    assert weights[is_small].sum() == pytest.approx(1 / (1 + 6**0.5), rel=1e-3)


def test_the_labels_of_a_set_are_those_that_its_annotators_could_choose(tmp_path: Path) -> None:
    rows = {f"train_{n:05}": 4 for n in range(30)} | {"train_00030": 1, "test_0001": 4}
    films = [f"Film{chr(ord('A') + n)}_000100240_0000000{t}.png" for n in range(10) for t in (1, 2)]
    sets = [
        raf_db(tmp_path / "raf", rows),
        emotion_folders(tmp_path / "films", {"Angry": films[::2], "Contempt": films[1::2]}),
        own_set(tmp_path / "own", "happy", "sad"),
    ]
    write(sets[2] / "test" / "disgust" / "0.png", picture())
    splits = FaceTask().load(sets)
    lacks = {name: set(LABELS) - set(one.labels) for name, one in splits.schemes.items()}
    assert lacks == {
        "RAF-DB": {"contempt"},
        "SFEW": set(),
        "own": set(LABELS) - {"happiness", "sadness", "disgust"},
    }
    alone = FaceTask().load(sets[:1])
    assert alone.schemes == {"RAF-DB": splits.schemes["RAF-DB"]}
    assert set(alone.train.groups) == {"RAF-DB"}
    offered = label_priors(alone.train, alone.schemes)["RAF-DB"] > 0
    assert offered.tolist() == [label != "contempt" for label in LABELS]


def test_copies_of_a_test_picture_leave_the_training_pictures_of_every_set(
    tmp_path: Path,
) -> None:
    one = own_set(tmp_path / "one", "happy", "sad")
    other = own_set(tmp_path / "other", "happy", "sad")
    tested = cv2.imread(str(one / "test" / "happy" / "0.png"), cv2.IMREAD_GRAYSCALE)
    assert tested is not None
    darker = np.asarray(cv2.flip(cv2.resize(tested, (96, 96)), 1) * 0.8, np.uint8)
    write(other / "train" / "happy" / "copy.png", darker)
    write(other / "val" / "sad" / "copy.png", np.asarray(tested, np.uint8))
    splits = FaceTask().load([one, other])
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (24, 24, 24)
    assert "1 training and 1 held-back pictures are left out: copies" in splits.notes[-1]
    assert f"note: {splits.notes[-1]}" in splits.summary()


def test_frames_of_one_clip_in_two_splits_are_named_as_the_cause(tmp_path: Path) -> None:
    root = own_set(tmp_path / "one", "happy", "sad")
    shutil.rmtree(root / "val")
    shutil.copytree(root / "test", root / "val")
    with pytest.raises(DatasetError, match=r"every held-back picture is a copy .* of one clip"):
        FaceTask().load([root])


def test_copies_leave_the_training_of_a_single_set_and_stay_in_a_test_of_all(
    tmp_path: Path,
) -> None:
    root = own_set(tmp_path / "one", "happy", "sad")
    shutil.copy(root / "test" / "happy" / "0.png", root / "train" / "sad" / "copy.png")
    shutil.copy(root / "test" / "sad" / "1.png", root / "val" / "happy" / "copy.png")
    shutil.copy(root / "val" / "sad" / "2.png", root / "train" / "happy" / "copy.png")
    splits = FaceTask().load([root])
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (12, 12, 12)
    copies = (
        "2 training and 1 held-back pictures are left out: copies of a picture of another split"
    )
    assert splits.notes[1:] == (copies,)
    everything = FaceTask().load_all([root])
    assert len(everything.test) == 39
    assert len(everything.notes) == 1
    assert len(FaceTask().load([own_set(tmp_path / "two", "happy", "sad")]).notes) == 1


def test_the_name_of_a_set_may_contain_the_separator_of_joined_names(tmp_path: Path) -> None:
    paths = [own_set(tmp_path / name, "happy", "sad") for name in ("c", "a + b")]
    assert FaceTask().load(paths[1:]).trained_on == ("a + b train",)
    splits = FaceTask().load(paths)
    assert splits.datasets == ("c", "a + b")
    assert splits.trained_on == ("c train", "a + b train")


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [own_set(tmp_path / folder / "faces", "happy", "sad") for folder in ("a", "b")]
    with pytest.raises(DatasetError, match="two data sets are called 'faces'"):
        FaceTask().load(paths)


def test_noisy_copies_are_found_and_other_faces_are_not() -> None:
    faces = [picture() for _ in range(20)]
    noisy = [
        np.asarray(np.clip(one + RNG.normal(0, 6, one.shape), 0, 255), np.uint8) for one in faces
    ]
    known = face_sets.thumbnails(faces)
    assert face_sets.copies(face_sets.thumbnails(noisy), known).all()
    strangers = face_sets.thumbnails([picture() for _ in range(20)])
    assert not face_sets.copies(strangers, known).any()
    assert not face_sets.copies(strangers, known[:0]).any()
