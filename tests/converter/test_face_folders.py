import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.datasets.face_folders import SFEW
from tests.converter.face_trees import (
    PACKINGS,
    emotion_folders,
    load,
    own_set,
    pack,
    picture,
    raf_db,
    write,
)


@pytest.mark.parametrize(
    ("dataset", "name", "subjects"),
    [
        ("SFEW", "Film{0}_00010024{0}_0000001{1}.png", 10),
        ("JAFFE", "K{2}.AN{1}.3{1}.png", 10),
        ("CK+48", "S01{0}_00{1}_0000000{1}.png", 10),
    ],
)
@pytest.mark.parametrize("packing", PACKINGS)
def test_faces_in_emotion_folders_are_split_by_subject(
    tmp_path: Path, dataset: str, name: str, subjects: int, packing: str
) -> None:
    files = [
        name.format(number, take, chr(ord("A") + number))
        for number in range(subjects)
        for take in (1, 2)
    ]
    root = emotion_folders(
        tmp_path / "data", {"Angry": files[::2], "Happy": [*files[1::2], "x.png"]}
    )
    splits = load(pack(root, packing))
    assert splits.dataset == dataset
    groups = [set(part.groups) for part in (splits.train, splits.held_back, splits.test)]
    assert [len(one) for one in groups] == [7, 1, 2]
    assert not groups[0] & groups[1]
    assert not (groups[0] | groups[1]) & groups[2]
    assert any(f"x is not named as {dataset} names pictures" in one for one in splits.unusable)


def test_films_of_a_series_are_in_one_split_of_sfew(tmp_path: Path) -> None:
    films = [f"Film{chr(ord('A') + number)}" for number in range(10)]
    sizes = dict.fromkeys(films, 6) | {"HarryPotter_GobletOfFire": 9, "HarryPotterAndOrder": 10}
    names = [
        f"{film}_00010024{take % 10}_000000{take:02}.png"
        for film, count in sizes.items()
        for take in range(count)
    ]
    root = emotion_folders(tmp_path, {"Angry": names[::2], "Happy": names[1::2]})
    splits = SFEW.load(root)
    groups = [set(part.groups) for part in (splits.train, splits.held_back, splits.test)]
    assert sum(len(one) for one in groups) == len(set.union(*groups)) == 11
    assert [len(part) for part in (splits.train, splits.held_back, splits.test)] == [55, 6, 18]
    assert splits.train.groups.count("HarryPotter") == 19
    assert splits.trained_on == ("SFEW 7 of 11 films or series (70% of the pictures)",)
    assert splits.test_split == "3 of 11 films or series (23% of the pictures)"


@pytest.mark.parametrize("packing", PACKINGS)
def test_fer2013_in_folders_is_read_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    root = own_set(tmp_path / "data", "happy", "sad", prefix="Training_")
    shutil.rmtree(root / "val")
    splits = load(pack(root, packing))
    assert splits.dataset == "FER2013"
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (11, 1, 12)


def test_grey_pictures_among_those_in_colour_are_counted_once(tmp_path: Path) -> None:
    roots = (
        own_set(tmp_path / "own", "happy", "sad"),
        own_set(tmp_path / "data", "happy", "sad", prefix="Training_"),
    )
    shutil.rmtree(roots[1] / "val")
    raf = raf_db(tmp_path / "raf", {f"test_{n:05}": n % 7 + 1 for n in range(3)})
    for root in roots:
        for split, number in (("train", 0), ("train", 1), ("test", 2)):
            coloured = np.zeros((48, 48, 3), np.uint8)
            coloured[..., number] = picture()
            (file,) = (root / split / "happy").glob(f"*{number}.png")
            write(file, coloured)
        grey = cv2.imencode(".jpg", np.repeat(picture()[:, :, None], 3, axis=2))[1]
        (root / "train" / "sad" / "0.jpg").write_bytes(grey.tobytes())
    for number in range(30):
        tint = np.array([0, 0, 90] if number < 4 else [0, 0, 0])
        name = f"train_{number:05}"
        pixels = np.asarray(picture(100)[:, :, None] // 2 + tint, np.uint8)
        write(raf / "basic" / "Image" / "aligned" / f"{name}_aligned.png", pixels)
        with (raf / "basic" / "EmoLabel" / "list_patition_label.txt").open("a") as table:
            table.write(f"{name}.png {number % 7 + 1}\n")
    for path, grey_ones, coloured_ones in ((roots[0], 34, 3), (roots[1], 22, 3), (raf, 29, 4)):
        (note,) = (one for one in load(path).notes if "colour" in one)
        assert note.startswith(f"{grey_ones} pictures are grey and {coloured_ones} in colour")
