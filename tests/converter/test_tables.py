"""Tables and archives as they are downloaded: every row is read, or named with its line."""

import gzip
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from converter.datasets import fer2013, isear, labelled_sounds, own_texts
from converter.datasets.acted_speech import RAVDESS
from converter.datasets.samples import DatasetError
from converter.datasets.tables import has_columns, read_rows, read_table
from converter.datasets.texts import LABELS, split_at_random
from converter.datasets.texts import Row as TextRow

ROWS = [(f"a {label} sentence, number {n}", label) for n in range(30) for label in ("joy", "fear")]


def table(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv_of(delimiter: str = ",", end: str = "\n", header: str = "text,label") -> str:
    rows = [f'"{text}"{delimiter}{label}' for text, label in ROWS]
    return end.join([header.replace(",", delimiter), *rows]) + end


def count(path: Path) -> int:
    (texts,) = own_texts.load(path)
    assert not texts.unusable
    return sum(len(part) for part in (texts.train, texts.held_back, texts.test))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_whatever_its_delimiter_line_ends_and_encoding(
    tmp_path: Path, delimiter: str, end: str, encoding: str
) -> None:
    path = table(tmp_path / "texts.CSV", csv_of(delimiter, end).encode(encoding))
    assert count(path) == len(ROWS)


@pytest.mark.parametrize("header", [" Text , LABEL", "label,text,id"])
def test_names_of_columns_may_differ_in_case_spaces_and_order(tmp_path: Path, header: str) -> None:
    names = [one.strip().lower() for one in header.split(",")]
    values = {"text": "a text", "label": "joy", "id": "7"}
    row = ",".join(values[name] for name in names)
    path = table(tmp_path / "t.csv", f"{header}\n" + f"{row}\n" * 2)
    assert [found["text"] for _, found in read_table(path, ("text", "label"))] == ["a text"] * 2


def test_a_table_in_latin_1_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = table(tmp_path / "t.csv", "text,label\ncafé,joy\n".encode("latin-1"))
    assert [row["text"] for _, row in read_table(path, ("text", "label"))] == ["café"]
    assert "t.csv:2: not UTF-8" in caplog.text


@pytest.mark.parametrize("at", [1, 20, 59])
def test_a_stray_quote_is_named_with_its_line_instead_of_swallowing_rows(
    tmp_path: Path, at: int
) -> None:
    lines = [f"{text.replace(',', '')},{label}" for text, label in ROWS]
    lines[at] = f'"I can not believe it,{ROWS[at][1]}'
    path = table(tmp_path / "t.csv", "\n".join(["text,label", *lines]) + "\n")
    with pytest.raises(DatasetError, match=rf"t\.csv:{at + 2}: .*quote"):
        own_texts.load(path)


def test_two_stray_quotes_do_not_make_one_cell_of_the_rows_between_them(tmp_path: Path) -> None:
    lines = [f"{text.replace(',', '')},{label}" for text, label in ROWS]
    lines[10], lines[40] = '"I can not believe it,joy', 'so it is"",fear'
    lines[40] = 'so it is",fear'
    path = table(tmp_path / "t.csv", "\n".join(["text,label", *lines]) + "\n")
    with pytest.raises(DatasetError, match=r"t\.csv:12: a cell goes on for 31 lines"):
        own_texts.load(path)


@pytest.mark.parametrize("swallowed", [1, 2, 3, 4, 20])
@pytest.mark.parametrize("order", ["text,label", "label,text", "id,text,label"])
def test_two_stray_quotes_are_found_however_few_rows_are_between_them(
    tmp_path: Path, swallowed: int, order: str
) -> None:
    rows = [
        {"text": text.replace(",", ""), "label": label, "id": str(n)}
        for n, (text, label) in enumerate(ROWS)
    ]
    rows[10]["text"] = '"I can not believe it'
    rows[10 + swallowed]["text"] = 'so it is"'
    lines = [",".join(row[name] for name in order.split(",")) for row in rows]
    path = table(tmp_path / "t.csv", "\n".join([order, *lines]) + "\n")
    with pytest.raises(DatasetError, match=rf"t\.csv:12: a cell goes on for {swallowed + 1} lines"):
        list(read_rows(path))


@pytest.mark.parametrize("lines", [2, 3, 8])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_texts_of_several_lines_with_delimiters_in_them_are_read(
    tmp_path: Path, lines: int, delimiter: str
) -> None:
    verse = "\n".join(f'roses{delimiter} line {n}; red, and ""sweet""' for n in range(lines))
    rows = [f'"{verse}"{delimiter}{label}' for label in ("joy", "fear", "joy")]
    path = table(tmp_path / "t.csv", "\n".join([f"text{delimiter}label", *rows]) + "\n")
    found = [row for _, row in read_table(path, ("text", "label"))]
    assert [row["label"] for row in found] == ["joy", "fear", "joy"]
    assert found[0]["text"] == verse.replace('""', '"')


def test_a_delimiter_within_quotes_is_not_that_of_the_table(tmp_path: Path) -> None:
    rows = "".join(f'joy,"well; so; {n}; or | more"\n' for n in range(9))
    found = [row.values for row in read_rows(table(tmp_path / "t.csv", rows))]
    assert found == [["joy", f"well; so; {n}; or | more"] for n in range(9)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "#"])
@pytest.mark.parametrize("first", ["sep={}", "SEP={}", '"sep={}"'])
def test_a_first_line_that_names_the_delimiter_is_no_header(
    tmp_path: Path, delimiter: str, first: str
) -> None:
    content = f"{first.format(delimiter)}\r\ntext{delimiter}label\r\nso, I see{delimiter}joy\r\n"
    path = table(tmp_path / "t.csv", content.encode("utf-8-sig"))
    ((location, row),) = read_table(path, ("text", "label"))
    assert (location, row) == (f"{path}:3", {"text": "so, I see", "label": "joy"})
    assert has_columns(path, ("text", "label"))


def test_a_row_with_too_few_cells_is_named_with_its_line(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", csv_of() + "I am sad\n")
    (texts,) = own_texts.load(path)
    (reason,) = texts.unusable
    assert reason == f"{path}:62: 1 cells, but the header has 2; its label is missing"


def test_a_cell_that_is_not_needed_may_be_missing(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "text,label,remark\nwell,joy\n")
    assert [row for _, row in read_table(path, ("text", "label"))] == [
        {"text": "well", "label": "joy", "remark": ""}
    ]


def test_a_row_of_a_table_of_sounds_that_lacks_its_speaker_is_left_out_and_named(
    tmp_path: Path,
) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    path = table(tmp_path / "labels.csv", "file,emotion,speaker\na.wav,happy,\nb.wav,happy\n")
    assert labelled_sounds.matches(tmp_path)
    assert labelled_sounds.load(tmp_path).unusable == (
        f"{path}:3: 2 cells, but the header has 3; its speaker is missing",
    )


def test_a_table_of_sounds_with_a_stray_quote_is_still_known_as_one(tmp_path: Path) -> None:
    table(tmp_path / "labels.csv", 'file,emotion,speaker\n"a.wav,happy,\n')
    assert labelled_sounds.matches(tmp_path)
    with pytest.raises(DatasetError, match=r"labels\.csv:2: .*quote"):
        labelled_sounds.load(tmp_path)


def test_a_text_of_several_lines_is_one_row_and_lines_are_counted(tmp_path: Path) -> None:
    verse = "\n".join(f"line {n}" for n in range(8))
    path = table(tmp_path / "t.csv", f'text,label\n"{verse}",joy\n\nother,fear\n')
    found = [
        (location.rpartition(":")[2], row["text"])
        for location, row in read_table(path, ("text", "label"))
    ]
    assert found == [("2", verse), ("11", "other")]


def test_a_row_with_too_many_cells_is_named_with_its_line(tmp_path: Path) -> None:
    rows = "".join(f"text {n},joy\n" for n in range(12))
    path = table(tmp_path / "t.csv", f"text,label\n{rows}I am sad, really,sadness\n")
    (texts,) = own_texts.load(path)
    (reason,) = texts.unusable
    assert reason.startswith(f"{path}:14: 3 cells, but the header has 2; put a text")


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"text,la\0bel\n"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetError, match="cannot be read: it is not a text"):
        list(read_rows(table(tmp_path / "t.csv", content)))


def test_a_packed_table_is_to_be_unpacked(tmp_path: Path) -> None:
    path = table(tmp_path / "fer2013.tar.gz", gzip.compress(b"emotion,pixels,Usage\n"))
    with pytest.raises(DatasetError, match="it is packed; unpack it"):
        fer2013.load(path)


def test_empty_texts_are_not_called_repetitions() -> None:
    rows = [TextRow(f"t.csv:{n}", text, ("joy",)) for n, text in enumerate(["", " ", *"abcdefgha"])]
    texts = split_at_random("own", "", LABELS, rows)
    assert sorted(texts.unusable) == [
        "own: 1 repeated texts",
        "t.csv:0: no text",
        "t.csv:1: no text",
    ]


@pytest.mark.parametrize("header", ["", "Emotion;Text\n"])
def test_isear_with_semicolons_in_latin_1_is_read(tmp_path: Path, header: str) -> None:
    rows = "".join(f"joy;Day {n}, close to my partner á\n" for n in range(9))
    path = table(
        tmp_path / "data" / "isear.CSV", f"{header}{rows}guilt;I feel so\n".encode("cp1252")
    )
    (texts,) = isear.load(path.parent)
    found = [text for part in (texts.train, texts.held_back, texts.test) for text in part.inputs]
    assert sorted(found) == [f"Day {n}, close to my partner á" for n in range(9)]
    assert len(texts.unusable) == 1


def face_table(name: str) -> tuple[str, str]:
    pixels = [
        " ".join(map(str, np.random.default_rng(n).integers(0, 256, 2304))) for n in range(14)
    ]
    usages = ["Training"] * 10 + ["PublicTest"] * 2 + ["PrivateTest"] * 2
    rows = [f"{n % 7},{usages[n]},{one}" for n, one in enumerate(pixels)]
    return name, "\n".join(["emotion, Usage, pixels", *rows]) + "\n"


@pytest.mark.parametrize("name", ["fer2013.csv", "icml_face_data.csv"])
@pytest.mark.parametrize("packing", ["file", "folder", "deeper", "zip"])
def test_fer2013_as_a_table_is_read_however_it_is_packed(
    tmp_path: Path, name: str, packing: str
) -> None:
    path = table(tmp_path / "data" / "challenges" / "fer" / name, face_table(name)[1])
    given = {
        "file": path,
        "folder": path.parent,
        "deeper": tmp_path / "data",
        "zip": tmp_path / "data.zip",
    }[packing]
    if packing == "zip":
        shutil.make_archive(str(tmp_path / "data"), "zip", tmp_path / "data")
    assert fer2013.matches(given)
    splits = fer2013.load(given)
    assert (len(splits.train) + len(splits.held_back), len(splits.test)) == (10, 2)


@pytest.mark.parametrize("test", ["test", "validation", "Test"])
@pytest.mark.parametrize("above", ["", "archive/images"])
def test_fer2013_as_folders_is_read_under_its_names_and_some_folders_deeper(
    tmp_path: Path, test: str, above: str
) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", test):
        for emotion in ("happy", "sad"):
            folder = tmp_path / above / split / emotion
            folder.mkdir(parents=True)
            for n in range(6):
                cv2.imwrite(
                    str(folder / f"PrivateTest_{n}.JPG"), rng.integers(0, 256, (48, 48), np.uint8)
                )
    splits = fer2013.load(tmp_path)
    assert (len(splits.train) + len(splits.held_back), len(splits.test)) == (12, 12)
    assert splits.test_split == test


@pytest.mark.parametrize("above", ["", "ravdess/Audio_Speech"])
@pytest.mark.parametrize("zipped", [False, True])
def test_ravdess_is_read_from_its_zip_and_some_folders_deeper(
    tmp_path: Path, above: str, zipped: bool
) -> None:
    rng = np.random.default_rng(0)
    for actor in ("01", "02"):
        folder = tmp_path / "data" / above / f"Actor_{actor}"
        folder.mkdir(parents=True)
        for emotion in ("03", "05"):
            path = folder / f"03-01-{emotion}-01-01-01-{actor}.WAV"
            soundfile.write(path, rng.normal(0, 0.1, 16_000), 16_000, format="WAV")
        (folder / "._03-01-03-01-01-01-01.wav").write_bytes(b"resource fork")
    given = tmp_path / "data"
    if zipped:
        given = Path(shutil.make_archive(str(tmp_path / "ravdess"), "zip", given))
    assert RAVDESS.matches(given)
    found = RAVDESS.load(given)
    assert found.speakers == ["01", "02"]
    assert found.samples.counts()["happy"] == found.samples.counts()["angry"] == 2
    assert found.unusable == ()
