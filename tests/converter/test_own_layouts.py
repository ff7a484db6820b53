"""A user's own data in every layout, for all modalities."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from converter.datasets.samples import DatasetError
from converter.datasets.splits import Splits
from converter.tasks.base import Task
from converter.tasks.registry import TASKS
from converter.training.runs import Plan
from converter.training.train import train
from edge.errors import EmotiondError

RNG = np.random.default_rng(0)
Write = Callable[[Path], None]


def _picture(file: Path) -> None:
    pixels = cv2.resize(RNG.integers(0, 256, (8, 8), np.uint8), (48, 48))
    cv2.imwrite(str(file), pixels)


def _sound(file: Path) -> None:
    soundfile.write(file, RNG.normal(0, 0.1, 8_000), 16_000)


def _text(file: Path) -> None:
    file.write_text(" ".join(f"w{number}" for number in RNG.integers(0, 99_999, 6)))


KINDS: dict[str, tuple[str, Write]] = {
    "face": (".png", _picture),
    "speech": (".wav", _sound),
    "text": (".txt", _text),
}
every_modality = pytest.mark.parametrize("modality", KINDS)


def _files(root: Path, modality: str, folders: Iterable[str], of_each: int = 3) -> Path:
    suffix, write = KINDS[modality]
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(of_each):
            write(root / folder / f"{number}{suffix}")
    return root


def _load(modality: str, path: Path, **mapped: str) -> Splits:
    return _task(modality, **mapped).load([path])


def _task(modality: str, **mapped: str) -> Task:
    given = [f"{label}={target}" for label, target in mapped.items()]
    return TASKS[modality](map=given)  # type: ignore[call-arg]


def _sizes(splits: Splits) -> list[int]:
    return [len(one) for one in (splits.train, splits.held_back, splits.test)]


def _emotions(splits: Splits) -> Counter[str]:
    """Counts the samples of all splits by label."""
    return sum(
        (Counter(one.counts()) for one in (splits.train, splits.held_back, splits.test)), Counter()
    )


@every_modality
@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Training", "VALID", "testing"), ("train_set", "dev", "Test")],
)
def test_splits_are_known_by_the_names_that_people_give_them(
    tmp_path: Path, modality: str, names: tuple[str, ...]
) -> None:
    folders = [f"{split}/{emotion}" for split in names for emotion in ("happy", "Sad")]
    splits = _load(modality, _files(tmp_path / "mine", modality, folders))
    assert _sizes(splits) == [6, 6, 6]
    assert splits.trained_on == ("mine train",)
    assert splits.test_split == "test"
    assert splits.notes[0].removeprefix("mine: ") == (
        "read as train/val/test, each with EMOTION; no people known: if somebody is in two splits, "
        "figures flatter"
    )


@every_modality
def test_a_set_without_a_test_is_tested_on_val_and_one_without_val_holds_a_part_back(
    tmp_path: Path, modality: str
) -> None:
    for other in ("validation", "eval", "test"):
        folders = [f"{one}/{emotion}" for one in ("train", other) for emotion in ("happy", "sad")]
        root = _files(tmp_path / other, modality, folders, of_each=10)
        splits = _load(modality, root)
        assert _sizes(splits) == [18, 2, 20]
        assert "a random tenth of train is held back" in splits.notes[0]
        assert ("val is the test" in splits.notes[0]) == (other != "test")


@every_modality
def test_folders_of_emotions_alone_are_split_at_random_with_all_labels_in_each_part(
    tmp_path: Path, modality: str
) -> None:
    root = _files(tmp_path / "mine", modality, ["happy", "sad"], of_each=10)
    splits = _load(modality, root)
    assert _sizes(splits) == [14, 2, 4]
    for part, share in ((splits.train, 7), (splits.held_back, 1), (splits.test, 2)):
        assert [count for count in part.counts().values() if count] == [share, share]
    assert splits.notes[0].endswith(
        "read as EMOTION; no people known: split at random, so figures flatter"
    )


@every_modality
def test_nobody_is_in_two_splits_where_people_are_known(tmp_path: Path, modality: str) -> None:
    people = ["ann", "bob", "Val", "dee", "eve"]
    folders = [f"{person}/{emotion}" for person in people for emotion in ("happy", "sad")]
    splits = _load(modality, _files(tmp_path / "mine", modality, folders))
    assert sum(_sizes(splits)) == 30
    assert min(_sizes(splits)) == 6
    assert splits.notes[0].endswith("read as PERSON/EMOTION; 5 people: split by person")


@every_modality
def test_one_person_and_two_are_split_at_random(tmp_path: Path, modality: str) -> None:
    folders = [f"{one}/{emotion}" for one in ("ann", "bob") for emotion in ("happy", "sad")]
    for count, size in ((2, [14, 2, 4]), (4, [28, 4, 8])):
        root = _files(tmp_path / str(count), modality, folders[:count], of_each=10)
        splits = _load(modality, root)
        assert _sizes(splits) == size
        assert "split at random, so figures flatter" in splits.notes[0]


def test_voices_that_show_one_emotion_each_are_for_training_only(tmp_path: Path) -> None:
    folders = ["ann/happy", "bob/sad", "cem/happy", "dee/sad"]
    single = _files(tmp_path / "single", "speech", folders)
    with pytest.raises(DatasetError, match="most are heard with one emotion only"):
        _load("speech", single)
    both = [f"{one}/{emotion}" for one in ("eve", "fay", "gil") for emotion in ("happy", "sad")]
    splits = TASKS["speech"]().load([single, _files(tmp_path / "both", "speech", both)])
    assert len(splits.train.of_groups({"single"})) == 12
    assert not {"single"}.intersection([*splits.held_back.groups, *splits.test.groups])


@every_modality
def test_people_in_two_splits_are_counted(tmp_path: Path, modality: str) -> None:
    people = {"train": ("ann", "bob"), "val": ("bob",), "test": ("cem",)}
    folders = [
        f"{split}/{person}/{emotion}"
        for split, some in people.items()
        for person in some
        for emotion in ("happy", "sad")
    ]
    splits = _load(modality, _files(tmp_path / "mine", modality, folders))
    assert _sizes(splits) == [12, 6, 6]
    assert "1 of 3 people are in two splits, so figures flatter" in splits.notes[0]


@every_modality
def test_a_table_says_what_folders_cannot(tmp_path: Path, modality: str) -> None:
    suffix, _ = KINDS[modality]
    root = _files(tmp_path / "mine", modality, ["all"], of_each=12)
    (root / f"loose{suffix}").write_bytes(b"")
    rows = [
        f"all/{number}{suffix},{'happy' if number % 2 else 'sad'},{split}"
        for number, split in enumerate(["Training"] * 6 + ["Validation"] * 2 + ["test"] * 4)
    ]
    (root / "labels.csv").write_text("\n".join(["Path,Label,Split", *rows, f"loose{suffix},sad,"]))
    splits = _load(modality, root)
    assert _sizes(splits) == [6, 2, 4]
    assert "read as labels.csv" in splits.notes[0]
    assert any("labels.csv:14: loose" in one for one in splits.unusable)


@every_modality
def test_an_unknown_folder_is_an_error_that_says_what_to_do(tmp_path: Path, modality: str) -> None:
    root = _files(tmp_path / "mine", modality, ["happy", "sad", "engaged"])
    for load in (_task(modality).load, _task(modality).load_all):
        with pytest.raises(DatasetError, match=r"no emotion is called 'engaged' \(3 .*=skip"):
            load([root])
    splits = _load(modality, root, engaged="skip")
    assert sum(_sizes(splits)) == 6
    assert any(note.endswith("left out, as asked") for note in splits.notes)


@every_modality
def test_labels_of_ones_own_are_those_of_the_network_each_with_its_emotion(
    tmp_path: Path, modality: str
) -> None:
    root = _files(tmp_path / "mine", modality, ["Engaged", "bored", "neutral"], of_each=10)
    task = _task(modality, engaged="happy", bored="none")
    splits = task.load([root])
    assert task.label_map == {"neutral": "neutral", "engaged": "happy", "bored": None}
    assert splits.train.labels == task.labels
    assert set(_emotions(splits).values()) == {10}
    assert np.allclose(splits.train.targets.sum(axis=1), 1)
    splits = _load(modality, root, engaged="happy", bored="none", tired="sad")
    assert "tired: no sample has this label" in splits.notes
    assert "tired" not in splits.train.labels


@every_modality
def test_labels_of_ones_own_join_a_set_that_lacks_them(tmp_path: Path, modality: str) -> None:
    own = _files(tmp_path / "own", modality, ["happy", "engaged"], of_each=10)
    other = _files(tmp_path / "other", modality, ["happy", "sad"], of_each=10)
    task = _task(modality, engaged="none")
    splits = task.load([other, own])
    assert "engaged" in splits.schemes["own"].labels
    assert "engaged" not in splits.schemes["other"].labels
    assert len(task.labels) == 3
    assert splits.test.labels == splits.train.labels == task.labels


@every_modality
def test_names_that_differ_in_capitals_and_a_label_of_few_samples_are_pointed_out(
    tmp_path: Path, modality: str
) -> None:
    _files(tmp_path / "mine", modality, ["happy", "Happy"], of_each=10)
    root = _files(tmp_path / "mine", modality, ["sad"], of_each=1)
    notes = "\n".join(_load(modality, root).notes)
    assert "Happy and happy differ in capitals alone: read as one label" in notes
    assert ": 1 " in notes
    assert "too few to learn from and to measure" in notes


@every_modality
def test_a_set_with_a_test_alone_can_be_measured_whole(tmp_path: Path, modality: str) -> None:
    root = _files(tmp_path / "mine", modality, ["test/happy", "test/sad"], of_each=10)
    splits = _task(modality).load_all([root])
    assert len(splits.test) == 20


@pytest.mark.parametrize("modality", ["face", "speech"])
def test_a_few_samples_can_be_measured_and_not_trained_on(tmp_path: Path, modality: str) -> None:
    root = _files(tmp_path / "mine", modality, ["happy", "sad"], of_each=1)
    assert len(_task(modality).load_all([root]).test) == 2
    task = _task(modality)
    with pytest.raises(EmotiondError, match="mine: too few samples to train on and to hold back"):
        train(task, task.load([root]), tmp_path / "run", Plan(task.schedule))
