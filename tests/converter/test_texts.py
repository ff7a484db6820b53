"""The loaders of text, each on a small tree in the layout that its data set was published in."""

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import sentences
from converter.datasets import brighter, goemotions, isear, meld, own_texts, xed
from converter.datasets.samples import DatasetError, Samples
from converter.datasets.splits import AnnotationScheme
from converter.datasets.texts import (
    AT_RANDOM,
    EKMAN,
    LABELS,
    Row,
    Texts,
    join,
    normalized,
    split_as_published,
    split_at_random,
    to_samples,
)
from converter.distillation import phrases
from converter.distillation.emoji import emoji_alone, emoji_meanings
from converter.distillation.phrases import SHARE, made, read_patterns
from converter.measuring.metrics import multilabel_f1
from converter.packing.calibrate import fit_thresholds
from converter.tasks.text import ENCODED, NgramsBesideEncoder, TextTask
from edge.perception.ngrams import NEGATORS, tokens


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return root


def _labels(*parts: Samples) -> dict[str, set[str]]:
    """The labels of each text, which must share its probability equally."""
    found = {}
    for part in parts:
        for text, target in zip(part.inputs, part.targets, strict=True):
            found[text] = {LABELS[index] for index in np.flatnonzero(target)}
            assert set(target[target > 0]) == {np.float32(1 / len(found[text]))}
    return found


def _all(texts: Texts) -> dict[str, set[str]]:
    return _labels(texts.train, texts.held_back, texts.test)


def _rows(texts: Sequence[str]) -> list[Row]:
    return [Row(f"t:{number}", text, ("joy",)) for number, text in enumerate(texts)]


GOEMOTIONS = 'He said "no\t0,5\tid1\nhappy\t3\tid2\nunknown label\t9\tid3\ntoo short\n'


def test_goemotions_keeps_several_labels_and_reports_bad_rows(tmp_path: Path) -> None:
    names = "\n".join(EKMAN)
    files = {"labels.txt": names, "train.tsv": GOEMOTIONS, "dev.tsv": "ugh\t1\tid4\nno\t0\tid5\n"}
    (texts,) = goemotions.load(_write(tmp_path / "ekman", files))
    assert _all(texts) == {
        'He said "no': {"anger", "sadness"},
        "happy": {"joy"},
        "ugh": {"disgust"},
        "no": {"anger"},
    }
    assert texts.test.inputs == ["ugh", "no"]
    assert [one.split(": ")[0][-11:] for one in texts.unusable] == ["train.tsv:3", "train.tsv:4"]
    assert goemotions.load(tmp_path)[0].test.inputs == texts.test.inputs  # found in ekman/


def test_goemotions_by_its_28_labels_is_grouped(tmp_path: Path) -> None:
    files = {
        "emotions.txt": "annoyance\nlove\nconfusion\ncaring",
        "train.tsv": "a\t0,1\tx\nb\t1,3\tx\nc\t2\tx\n",
        "dev.tsv": "d\t3\tx\n",
    }
    (texts,) = goemotions.load(_write(tmp_path, files))
    assert _all(texts) == {"a": {"anger", "joy"}, "b": {"joy"}, "c": {"curiosity"}, "d": {"joy"}}


def test_questions_are_curiosity_and_count_as_surprise_in_metrics(tmp_path: Path) -> None:
    asked = "Where is it?\t6\tx\nWhere?\t4\tx\nWHAT?!\t6\tx\nwow\t6\tx\n"
    files = {"labels.txt": "\n".join(EKMAN), "train.tsv": asked, "dev.tsv": "Why?\t6\tx\n"}
    (texts,) = goemotions.load(_write(tmp_path, files))
    assert _all(texts) == {
        "Where is it?": {"curiosity"},
        "Where?": {"neutral"},
        "WHAT?!": {"surprise"},
        "wow": {"surprise"},
        "Why?": {"curiosity"},
    }
    assert texts.scheme.labels == EKMAN
    found = multilabel_f1(texts.test.targets, texts.test, texts.scheme, dict.fromkeys(EKMAN, 0.5))
    assert found == {"macro_f1_multilabel": 1, "f1_multilabel_surprise": 1}
    probabilities = np.array([[0.1] * 6 + [0.3, 0.1]], np.float32)
    thresholds = fit_thresholds(probabilities, texts.test, {texts.dataset: texts.scheme})
    assert thresholds[texts.dataset]["surprise"] == pytest.approx(0.4)


def test_goemotions_refuses_labels_that_are_not_its_own(tmp_path: Path) -> None:
    files = {"labels.txt": "joy\nfury", "train.tsv": GOEMOTIONS, "dev.tsv": GOEMOTIONS}
    with pytest.raises(DatasetError, match="GoEmotions has no label 'fury'"):
        goemotions.load(_write(tmp_path, files))
    (tmp_path / "labels.txt").write_text("joy\n")
    with pytest.raises(DatasetError, match="no usable row in it; the first of 8 left out"):
        goemotions.load(tmp_path)
    with pytest.raises(DatasetError, match=r"expected train\.tsv, dev\.tsv, and labels\.txt"):
        goemotions.load(tmp_path / "elsewhere")


BRIGHTER = {
    "track_a/train/eng.csv": 'id,text,anger,fear\n1,"Run, now!",0,1\n2,Fine,0,0\n3,Both,1,1\n'
    "4,Odd,2,0\n5,Seen,1,0\n",
    "track_a/dev/eng.csv": "id,text,anger,fear\n1,Seen,1,0\n",
    "track_a/train/afr.csv": "\ufeffid,text,Joy\n1,Lekker,1\n2,Niks,0\n",
    "track_a/dev/afr.csv": "id,text,joy\n1,Mooi,1\n",
    "track_a/train/more.csv": "id,text,joy\n1,Mooi,1\n",
}


@pytest.mark.parametrize("zipped", [False, True])
def test_brighter_is_one_data_set_per_language(tmp_path: Path, *, zipped: bool) -> None:
    root = _write(tmp_path / "data" / "BRIGHTER", BRIGHTER)
    if zipped:
        with zipfile.ZipFile(tmp_path / "BRIGHTER.zip", "w") as archive:
            for name in BRIGHTER:
                archive.write(root / name, f"BRIGHTER/{name}")
        root = tmp_path / "BRIGHTER.zip"
    assert brighter.matches(root)
    afrikaans, english = brighter.load(root)
    assert _all(afrikaans) == {"Lekker": {"joy"}, "Niks": {"neutral"}, "Mooi": {"joy"}}
    assert english.dataset == "BRIGHTER eng"
    assert english.scheme == AnnotationScheme("BRIGHTER", ("anger", "fear"), "dev")
    assert _labels(english.train, english.held_back) == {
        "Run, now!": {"fear"},
        "Fine": {"neutral"},
        "Both": {"anger", "fear"},
    }
    assert _labels(english.test) == {"Seen": {"anger"}}
    assert "more.csv: only in one of train and dev" in afrikaans.unusable[0]
    assert [one.rpartition("/")[2] for one in english.unusable] == [
        "eng.csv:5: an emotion is neither 0 nor 1: 0, 2",
        "BRIGHTER eng train: 1 texts that are also in a later split",
    ]


def test_brighter_refuses_other_columns(tmp_path: Path) -> None:
    _write(tmp_path, BRIGHTER | {"track_a/dev/eng.csv": "id,text,anger,love\n1,a,0,0\n"})
    with pytest.raises(DatasetError, match=r"eng\.csv: the column 'love' is not an emotion"):
        brighter.load(tmp_path)
    _write(tmp_path, {"track_a/dev/eng.csv": "id,words,anger\n1,a,0\n"})
    with pytest.raises(DatasetError, match="the column text is missing; found id, words, anger"):
        brighter.load(tmp_path)
    (tmp_path / "track_a/dev/eng.csv").write_bytes(b"\xff\xfe\0")
    with pytest.raises(DatasetError, match=r"eng\.csv: cannot be read"):
        brighter.load(tmp_path)


def test_xed_leaves_out_anticipation_and_trust(tmp_path: Path) -> None:
    lines = "No!\t1, 3\nSoon .\t2\nTrust me, I cry\t8, 6\nno label\nwrong\t9\n"
    files = {
        "AnnotatedData/en-annotated.tsv": lines + "".join(f"Ha {n}!\t5\n" for n in range(20)),
        "AnnotatedData/neu_en.txt": "9\tWell.\n1620\tHm.\t2\t428\tfi/1965\n",
        "AnnotatedData/fi-annotated.tsv": "".join(f"Oi {n}!\t7\n" for n in range(20)),
    }
    english, finnish = xed.load(_write(tmp_path, files))
    found = _all(english)
    assert len(found) == 24
    assert found["No!"] == {"anger", "disgust"}
    assert found["Trust me, I cry"] == {"sadness"}
    assert found["Well."] == found["Hm."] == {"neutral"}
    assert [one.rpartition("/")[2] for one in english.unusable] == [
        "en-annotated.tsv:4: not text and label ids of 1 to 8",
        "en-annotated.tsv:5: not text and label ids of 1 to 8",
        "en-annotated.tsv: 1 lines labelled only anticipation or trust",
    ]
    assert finnish.dataset == "XED fi"
    assert "neu_fi.txt: not found" in finnish.unusable[0]


def test_meld_keeps_its_three_splits(tmp_path: Path) -> None:
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment\n"
    files = {
        f"{split}_sent_emo.csv": f'{header}1,"Oh, {split}!",Joey,{emotion},x\n2,Hm,Ross,bored,x\n'
        for split, emotion in (("train", "joy"), ("dev", "Sadness"), ("test", "neutral"))
    }
    (texts,) = meld.load(_write(tmp_path, files))
    assert _labels(texts.train) == {"Oh, train!": {"joy"}}
    assert _labels(texts.held_back) == {"Oh, dev!": {"sadness"}}
    assert _labels(texts.test) == {"Oh, test!": {"neutral"}}
    assert len(texts.unusable) == 3
    (tmp_path / "dev_sent_emo.csv").write_text("Utterance\nOh\n")
    with pytest.raises(DatasetError, match="the column Emotion is missing"):
        meld.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "ID|Field1|SIT\n" + "".join(f'{n}|joy|A "day {n}.\n' for n in range(9)) + "9|guilt|I\n"
        "10|fear|[ No response.]\n",
        "".join(f'joy,"A ""day {n}."\n' for n in range(9)) + "guilt,I\nfear,[ No response.]\n",
    ],
)
def test_isear_in_both_of_its_forms(tmp_path: Path, content: str) -> None:
    (texts,) = isear.load(_write(tmp_path, {"ISEAR.csv": content}))
    assert _all(texts) == {f'A "day {n}.': {"joy"} for n in range(9)}
    assert "surprise" not in texts.scheme.labels
    assert "2 of shame or guilt" in texts.unusable[0]


def test_isear_reports_unknown_labels(tmp_path: Path) -> None:
    known = "".join(f"{n}|joy|Day {n}.\n" for n in range(9))
    _write(tmp_path, {"isear.csv": f"ID|Field1|SIT\n{known}9|envy|Theirs.\n10|joy|\n"})
    (texts,) = isear.load(tmp_path)
    assert [one.rpartition("/")[2] for one in texts.unusable] == [
        f"isear.csv:11: no label of {', '.join(LABELS)}",
        "isear.csv:12: no text",
    ]
    _write(tmp_path, {"isear.csv": "ID|EMOT|SIT\n1|joy|Day.\n"})
    with pytest.raises(DatasetError, match="the column Field1 is missing; found ID, EMOT, SIT"):
        isear.load(tmp_path)
    _write(tmp_path, {"isear.csv": "one column\nof words\n"})
    with pytest.raises(DatasetError, match=r"ISEAR: no usable row in it; the first of 2 left out"):
        isear.load(tmp_path)


def test_own_texts_as_a_table_and_as_json_lines(tmp_path: Path) -> None:
    rows = [("Great", "happy"), ("No, no", "angry; sad"), ("Odd", "hangry"), ("", "joy")]
    table = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    lines += ['{"text": "List", "label": ["Fear", "joy"]}', "{half", '{"text": 5, "label": "joy"}']
    files = {
        "texts.csv": table + "".join(f"More {n},neutral\n" for n in range(9)),
        "split/train.jsonl": "\n".join(lines) + "\n\n",
        "split/test.csv": "text,label\nOther,disgust\n",
    }
    _write(tmp_path, files)
    (texts,) = own_texts.load(tmp_path / "texts.csv")
    assert texts.dataset == "texts"
    assert {"Great", "No, no", "More 8"} < _all(texts).keys()
    assert _all(texts)["No, no"] == {"anger", "sadness"}
    assert texts.unusable[0].startswith(f"{tmp_path}/texts.csv:4: no emotion is called 'hangry'")
    (texts,) = own_texts.load(tmp_path / "split")
    assert _labels(texts.train, texts.held_back)["List"] == {"fear", "joy"}
    assert _labels(texts.test) == {"Other": {"disgust"}}
    assert [one.rpartition("/")[2].split(": ")[0] for one in texts.unusable] == [
        "train.jsonl:3",
        "train.jsonl:6",
        "train.jsonl:7",
        "train.jsonl:4",
    ]
    _write(tmp_path, {"split/test.jsonl": ""})
    with pytest.raises(DatasetError, match=r"test\.csv and test\.jsonl; remove one"):
        own_texts.load(tmp_path / "split")


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("text,mood", "the column label is missing; found text, mood"),
        ("remark,label", "the column text is missing; found remark, label"),
        ("", "the column text is missing; found nothing"),
    ],
)
def test_own_texts_without_their_columns_are_refused(
    tmp_path: Path, columns: str, sentence: str
) -> None:
    _write(tmp_path, {"texts.csv": f"{columns}\nGreat,happy\n" if columns else ""})
    with pytest.raises(DatasetError, match=rf"texts\.csv: {sentence}"):
        own_texts.load(tmp_path / "texts.csv")


def test_no_text_is_in_two_splits() -> None:
    rows = {"train": _rows([*"abcdefgh", "x", "y"]), "dev": _rows("xz"), "test": _rows("yz")}
    texts = split_as_published("own", "", LABELS, rows)
    assert texts.train.inputs == list("abcdefgh")
    assert (texts.held_back.inputs, texts.test.inputs) == (["x"], ["y", "z"])
    texts = split_at_random("own", "", LABELS, _rows([*"abcdefghij", "a ", "a"]))
    parts = (texts.train, texts.held_back, texts.test)
    assert sorted(text for part in parts for text in part.inputs) == list("abcdefghij")
    assert all(len(part) for part in parts)


def test_data_sets_are_joined_each_with_its_annotation_scheme(tmp_path: Path) -> None:
    _write(tmp_path / "b", BRIGHTER)
    rows = "".join(f"Yes {n},joy\nNo {n},anger\n" for n in range(9))
    _write(tmp_path, {"own.csv": f"text,label\n{rows}"})
    splits = TextTask().load([tmp_path / "b", tmp_path / "own.csv"])
    assert splits.datasets == ("BRIGHTER afr", "BRIGHTER eng", "own")
    assert splits.schemes == {
        "BRIGHTER afr": AnnotationScheme("BRIGHTER", ("joy",), "dev"),
        "BRIGHTER eng": AnnotationScheme("BRIGHTER", ("anger", "fear"), "dev"),
        "own": AnnotationScheme("own", LABELS, AT_RANDOM),
    }
    assert set(splits.test.groups) == set(splits.datasets)
    with pytest.raises(DatasetError, match="two data sets are called 'own'"):
        join([*own_texts.load(tmp_path / "own.csv")] * 2)
    (tmp_path / "c").mkdir()
    with pytest.raises(DatasetError, match="known layouts: GoEmotions"):
        TextTask().load([tmp_path / "c"])


def test_test_texts_of_a_set_that_is_not_used_are_not_trained_on(tmp_path: Path) -> None:
    common = "".join(f"both {n},joy\n" for n in range(40))
    rows = "".join(f"{{0}} {n},joy\nsad {{0}} {n},sadness\n" for n in range(40))
    _write(tmp_path, {"a.csv": f"text,label\n{common}{rows.format('a')}"})
    _write(tmp_path, {"b.csv": f"text,label\n{rows.format('b')}{common}"})
    both = [tmp_path / "a.csv", tmp_path / "b.csv"]
    alone, joined = TextTask().load(both[:1]), TextTask(only=["a"]).load(both)
    assert joined.datasets == ("a",)
    assert joined.test.inputs == alone.test.inputs
    tested = TextTask(only=["b"]).load(both).test.inputs
    lost = set(alone.train.inputs) - set(joined.train.inputs)
    assert lost
    assert set(tested) & set(alone.train.inputs) <= lost
    with pytest.raises(DatasetError, match="every data set is excluded"):
        join([*own_texts.load(both[0])], ["a"])


def test_a_few_texts_in_no_language_are_trained_as_neutral() -> None:
    task = TextTask()
    joy = np.eye(len(LABELS), dtype=np.float32)[[LABELS.index("joy")] * 1000]
    spec = task.input_spec(Samples(LABELS, [], joy, ()))
    for text, own in (("so happy 😀!", ""), ("มีความสุข", "ก-ฮ")):
        train = Samples(LABELS, [text] * 1000, joy, ("own",) * 1000)
        prepared = task.prepare(train, spec, seed=0)
        assert prepared.inputs[:1000] == train.inputs
        assert len(prepared) == 1000 + 30 + round(1000 * SHARE)
        assert (prepared.targets[1000:1030, LABELS.index("neutral")] == 1).all()
        for garbled in prepared.inputs[1000:1030]:
            assert [len(word) for word in garbled.split()] == ([7] if own else [2, 5])
            assert not re.search(f"[a-zA-Z😀!{own}]", garbled)


def test_a_batch_of_texts_has_their_features() -> None:
    task = TextTask()
    spec = task.input_spec(Samples(LABELS, [], np.zeros((0, len(LABELS)), np.float32), ()))
    texts = ["so happy 😀!", "", "not a good day"]
    features = np.stack([task.features(text, spec) for text in texts])
    batch = task.batch(texts, spec)
    assert np.array_equal(keras.ops.convert_to_tensor(batch, sparse=False), features)
    model = task.build(spec)
    assert model(batch).numpy() == pytest.approx(model(features).numpy(), abs=1e-6)


def test_a_feeling_that_is_denied_is_not_that_feeling() -> None:
    rng = np.random.default_rng(0)
    for pattern in read_patterns()["denial"]:
        is_joy = "happy" in pattern.parts[2]
        assert pattern.labels == (("anger", "sadness") if is_joy else ("neutral",))
        for _ in range(100):
            assert [word for word in tokens(pattern.sentence(rng)) if word in NEGATORS]


def test_every_label_of_the_made_phrases_can_be_trained() -> None:
    some = list(made(700, np.random.default_rng(0)))
    assert {label for _, labels in some for label in labels} == set(LABELS) - {"curiosity"}
    assert all(text.strip() and "  " not in text for text, _ in some)


def test_no_sentence_to_train_on_is_one_to_measure_with() -> None:
    measured = {
        normalized(one.text) for file in sentences.FILES for one in sentences.read_sentences(file)
    }
    trained = {normalized(text) for text, _ in phrases.read_sentences()}
    assert len(trained) == len(phrases.read_sentences())
    patterns = {normalized(text) for text, _ in phrases.made(50_000, np.random.default_rng(0))}
    assert not measured & (trained | patterns)


def test_only_the_named_data_sets_are_used(tmp_path: Path) -> None:
    for name in ("here", "there"):
        rows = "".join(f"happy {n},joy\nsad {n},sadness\n" for n in range(20))
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}")
    both = [tmp_path / "here.csv", tmp_path / "there.csv"]
    assert TextTask(only=["there"]).load(both).datasets == ("there",)
    with pytest.raises(DatasetError, match="no data set is called 'elsewhere'; found here, there"):
        TextTask(only=["elsewhere"]).load(both)


def test_emoji_without_words_mean_what_the_texts_with_them_do() -> None:
    texts = [Row(f"t:{n}", f"text {n} 😂", ("joy",)) for n in range(30)]
    rows = [*texts, *(Row(f"t:{n}", f"text {n} 😭", ("sadness",)) for n in range(30, 60))]
    meanings = emoji_meanings(to_samples("other", [*rows, Row("t:60", "😱", ("fear",))], []))
    assert {one: LABELS[target.argmax()] for one, target in meanings.items()} == {
        "😂": "joy",
        "😭": "sadness",
    }
    unknown = np.eye(len(LABELS), dtype=np.float32)[LABELS.index("neutral")]
    alone, targets = emoji_alone(meanings, unknown, 200, np.random.default_rng(0))
    for text, target in zip(alone, targets, strict=True):
        assert (target[LABELS.index("joy")] > 0) == ("😂" in text)
        assert (target == unknown).all() == ("😂" not in text and "😭" not in text)


def test_emoji_without_words_are_the_encoders_unless_others_use_them() -> None:
    labels = (("joy",), ("anger",))
    rows = [Row(f"t:{n}", f"text {n}", labels[n % 2]) for n in range(200)]
    others = [Row(row.location, f"texte {n} 😂", ("joy",)) for n, row in enumerate(rows)]
    sets = {"english": rows, "other": others}
    splits = join([split_at_random(name, "", LABELS, of_set) for name, of_set in sets.items()])
    beside = NgramsBesideEncoder(["english"])
    train = beside.extended(splits).train
    made = beside.prepare(train, beside.input_spec(train), seed=0)
    found = {
        text: made.labels[target.argmax()]
        for text, target in zip(made.inputs, made.targets, strict=True)
    }
    alone = {text: label for text, label in found.items() if not re.search(r"\w", text)}
    assert {label for text, label in alone.items() if "😂" in text} == {"joy"}
    assert {label for text, label in alone.items() if "😂" not in text} == {ENCODED}
