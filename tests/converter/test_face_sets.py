import hashlib
import shutil
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from converter.datasets import face_clips, face_sets, rafdb
from converter.datasets.face_folders import SFEW
from converter.datasets.photographs import PhotographReader
from converter.datasets.pictures import LABELS
from converter.datasets.priors import label_priors
from converter.datasets.samples import DatasetError
from converter.datasets.splits import Splits
from converter.tasks.base import load_known
from converter.tasks.face import KNOWN, LAYOUTS, FaceTask
from edge.capture.media import read_frames
from edge.perception.detector import Face, open_detector
from edge.perception.face import align
from edge.perception.features import Pixels
from edge.perception.pack import load_pack
from edge.resources import MODELS, SAMPLES

RNG = np.random.default_rng(0)
CONTEMPT = LABELS.index("contempt")


def picture(side: int = 48) -> Pixels:
    """A picture that resembles no other one."""
    return np.asarray(cv2.resize(RNG.integers(0, 256, (8, 8), np.uint8), (side, side)), np.uint8)


def write(file: Path, pixels: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def raf_db(root: Path, rows: Mapping[str, int], missing: tuple[str, ...] = ()) -> Path:
    """A tree in the layout of RAF-DB's basic part."""
    for name in rows:
        if name not in missing:
            aligned = root / "basic" / "Image" / "aligned" / f"{name}_aligned.png"
            write(aligned, np.repeat(picture(100)[:, :, None], 3, axis=2))
    table = root / "basic" / "EmoLabel" / "list_patition_label.txt"
    table.parent.mkdir(parents=True)
    table.write_text("".join(f"{name}.png {label}\n" for name, label in rows.items()))
    return root


def emotion_folders(root: Path, names: Mapping[str, list[str]]) -> Path:
    for emotion, files in names.items():
        for file in files:
            write(root / emotion / file, picture())
    return root


PACKINGS = ("folder", "zip", "zip in a folder", "wrapper in a zip")


def pack(root: Path, packing: str) -> Path:
    """A data set as its user may have it."""
    if packing == "folder":
        return root
    folder = root.parent / "packed"
    folder.mkdir()
    base = root.name if packing.startswith("wrapper") else None
    file = shutil.make_archive(
        str(folder / "faces"), "zip", root if not base else root.parent, base
    )
    (folder / ".DS_Store").write_bytes(b"hidden")
    return folder if packing == "zip in a folder" else Path(file)


def load(path: Path) -> Splits:
    """One data set, before it is joined."""
    return load_known(path, LAYOUTS, KNOWN)


def own_set(root: Path, *emotions: str, of_each: int = 6) -> Path:
    for split in ("train", "val", "test"):
        files = [f"{number}.png" for number in range(of_each)]
        emotion_folders(root / split, dict.fromkeys(emotions, files))
    return root


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
        "train_00001_aligned.png: not a readable picture",
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
    assert f"labels.csv:9: {clips[0].name}: no speaker" in text
    assert splits.notes == ("2 rows of labels.csv are not videos: a.opus, b.wav",)


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


def test_copies_leave_the_training_of_a_single_set_and_stay_in_a_test_of_all(
    tmp_path: Path,
) -> None:
    root = own_set(tmp_path / "one", "happy", "sad")
    shutil.copy(root / "test" / "happy" / "0.png", root / "train" / "sad" / "copy.png")
    shutil.copy(root / "test" / "sad" / "1.png", root / "val" / "happy" / "copy.png")
    shutil.copy(root / "val" / "sad" / "2.png", root / "train" / "happy" / "copy.png")
    splits = FaceTask().load([root])
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (12, 12, 12)
    assert splits.notes == (
        "2 training and 1 held-back pictures are left out: copies of a picture of another split",
    )
    everything = FaceTask().load_all([root])
    assert len(everything.test) == 39
    assert not everything.notes
    assert not FaceTask().load([own_set(tmp_path / "two", "happy", "sad")]).notes


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


@pytest.mark.parametrize("packing", PACKINGS)
def test_own_pictures_are_read_and_named_however_they_are_packed(
    tmp_path: Path, packing: str
) -> None:
    root = own_set(tmp_path / "faces", "happy", "sad")
    splits = load(pack(root, packing))
    assert splits.dataset == ("packed" if packing == "zip in a folder" else "faces")
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (12, 12, 12)
    assert not splits.unusable


@pytest.mark.parametrize("packing", PACKINGS)
def test_fer2013_in_folders_is_read_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    root = own_set(tmp_path / "data", "happy", "sad")
    shutil.rmtree(root / "val")
    splits = load(pack(root, packing))
    assert splits.dataset == "FER2013"
    assert (len(splits.train), len(splits.held_back), len(splits.test)) == (11, 1, 12)


def test_grey_pictures_among_those_in_colour_are_counted_once(tmp_path: Path) -> None:
    roots = own_set(tmp_path / "own", "happy", "sad"), own_set(tmp_path / "data", "happy", "sad")
    shutil.rmtree(roots[1] / "val")
    raf = raf_db(tmp_path / "raf", {f"test_{n:05}": n % 7 + 1 for n in range(3)})
    for root in roots:
        for split, number in (("train", 0), ("train", 1), ("test", 2)):
            coloured = np.zeros((48, 48, 3), np.uint8)
            coloured[..., number] = picture()
            write(root / split / "happy" / f"{number}.png", coloured)
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


def test_own_photographs_are_cropped_and_crops_are_kept(tmp_path: Path) -> None:
    photograph = next(iter(read_frames(HAPPY_CLIP, 1.0))).pixels
    crop = align(photograph, _face(photograph), 96)
    for split in ("train", "val", "test"):
        write(tmp_path / "faces" / split / "happy" / "photograph.png", photograph)
        write(tmp_path / "faces" / split / "happy" / "crop.png", crop)
        write(tmp_path / "faces" / split / "sad" / "tiny.png", picture())
        write(tmp_path / "faces" / split / "sad" / "landscape.jpg", np.tile(picture(), (4, 12)))
    splits = load(tmp_path / "faces")
    assert len(splits.train) == 3
    kept, cropped = splits.train.inputs[:2]
    assert np.abs(kept.astype(float) - cropped.astype(float)).mean() < 12
    assert splits.notes[0] == "3 whole photographs, cropped to their largest face"
    assert "landscape.jpg: no face in this photograph" in splits.summary()


@pytest.mark.parametrize("kind", ["portrait selfie", "upside down", "crop upside down"])
def test_a_photograph_gives_an_upright_face_of_natural_width(tmp_path: Path, kind: str) -> None:
    photograph = next(iter(read_frames(HAPPY_CLIP, 1.0))).pixels
    face = _face(photograph)
    expected = align(photograph, face, 96)
    left, top, width = 149, 43, 134  # the face fills it
    selfie = photograph[top : top + 194, left : left + width]
    pixels = {
        "portrait selfie": selfie,
        "upside down": np.rot90(photograph, 2),
        "crop upside down": np.rot90(selfie[14 : 14 + width + 8], 2),
    }[kind]
    write(tmp_path / "face.png", np.ascontiguousarray(pixels))
    reader = PhotographReader()
    found = reader.read(tmp_path / "face.png")
    assert not isinstance(found, str)
    grey = cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY).astype(float)
    assert np.corrcoef(found.astype(float).ravel(), grey.ravel())[0, 1] > 0.8
    assert reader.notes == ("1 whole photographs, cropped to their largest face",)


def _face(pixels: Pixels) -> Face:
    return open_detector(load_pack(MODELS / "detector-short.json"), 0.6).detect(pixels)[0]
