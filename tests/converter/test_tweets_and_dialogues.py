"""The loaders of tweets and dialogues, each on a small tree in its published layout."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from converter.datasets import dailydialog, dair_emotion, emoint, semeval2018
from converter.datasets.samples import DatasetError
from converter.datasets.texts import (
    LABELS,
    Row,
    Texts,
    as_spoken,
    join,
    normalized,
    partly_spoken,
    split_as_published,
)
from converter.distillation.phrases import made, read_patterns

COLUMNS = [*semeval2018.LABEL_BY_COLUMN]


def _labels(texts: Texts) -> dict[str, set[str]]:
    parts = (texts.train, texts.held_back, texts.test)
    return {
        text: {LABELS[index] for index in np.flatnonzero(target)}
        for part in parts
        for text, target in zip(part.inputs, part.targets, strict=True)
    }


def _tweet(text: str, *emotions: str) -> str:
    return "\t".join(["2018-En-1", text, *("01"[one in emotions] for one in COLUMNS)])


def test_semeval_maps_eleven_emotions_and_none_to_neutral(tmp_path: Path) -> None:
    header = "\t".join(["ID", "Tweet", *COLUMNS])
    rows = [
        _tweet('He said "no', "anger", "disgust"),
        _tweet("hearts", "love", "optimism", "joy"),
        _tweet("bleak", "pessimism"),
        _tweet("a table"),
        _tweet("soon", "anticipation", "trust"),
        _tweet("odd", "anger").replace("0", "2"),
    ]
    (tmp_path / "2018-E-c-En-train.txt").write_text("\n".join([header, *rows]))
    (tmp_path / "2018-E-c-En-dev.txt").write_text("\n".join([header, _tweet("boo", "fear")]))
    assert semeval2018.matches(tmp_path)
    (texts,) = semeval2018.load(tmp_path)
    assert _labels(texts) == {
        'He said "no': {"anger", "disgust"},
        "hearts": {"joy"},
        "bleak": {"sadness"},
        "a table": {"neutral"},
        "boo": {"fear"},
    }
    assert texts.test.inputs == ["boo"]
    assert [one.partition(": ")[2][:9] for one in texts.unusable] == ["an emotio", "no label "]


def test_semeval_without_a_column_is_refused(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"E-c-En-{split}.txt").write_text("ID\tTweet\tanger\n1\ta\t1\n")
    with pytest.raises(DatasetError, match="the column anticipation is missing"):
        semeval2018.load(tmp_path)


def test_emoint_leaves_out_tweets_of_little_intensity(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "EmoInt.zip", "w") as file:
        for label in ("anger", "fear"):
            lines = f"1\t{label} one\t{label}\t0.9\n2\t{label} two\t{label}\t0.1\nbroken\n"
            file.writestr(f"{label}-ratings-0to1.train.txt", lines)
            file.writestr(f"{label}-ratings-0to1.dev.gold.txt", f"3\t{label} dev\t{label}\t0.5\n")
    assert emoint.matches(tmp_path)
    (texts,) = emoint.load(tmp_path)
    assert _labels(texts) == {
        f"{label} {name}": {label} for label in ("anger", "fear") for name in ("one", "dev")
    }
    assert texts.scheme.labels == ("anger", "fear", "joy", "sadness")
    assert sum("not id, tweet, emotion" in one for one in texts.unusable) == 2
    assert sum("1 tweets of an intensity below" in one for one in texts.unusable) == 2


def test_dair_counts_love_as_joy_and_knows_no_neutral(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("i feel; well;love\ni cry;sadness\ni wait;envy\nx;joy\n")
    (tmp_path / "val.txt").write_text("i shake;fear\n")
    assert dair_emotion.matches(tmp_path)
    (texts,) = dair_emotion.load(tmp_path)
    assert _labels(texts) == {
        "i feel; well": {"joy"},
        "i cry": {"sadness"},
        "x": {"joy"},
        "i shake": {"fear"},
    }
    assert "neutral" not in texts.scheme.labels
    assert "train.txt:3: no label" in texts.unusable[0]


def _dialogue(*utterances: tuple[str, str]) -> list[list[dict[str, object]]]:
    turns = enumerate(utterances, 1)
    return [[{"turn": turn, "utterance": one, "emotion": name} for turn, (one, name) in turns]]


def test_dailydialog_reads_utterances_as_people_write_them(tmp_path: Path) -> None:
    train = {
        "tr_1": _dialogue(("I'm glad , Mr . Bryant !", "happiness"), ("I ca n't say .", "neutral")),
        "tr_2": _dialogue(("It ' s you ?", "surprised"), ("Hm .", "boredom")),
    }
    valid = {"va_1": _dialogue(("Out !", "angry"))}
    for split, dialogues in (("train", train), ("valid", valid)):
        (tmp_path / f"dailydialog_{split}.json").write_text(json.dumps(dialogues))
    assert dailydialog.matches(tmp_path)
    (texts,) = dailydialog.load(tmp_path)
    assert _labels(texts) == {
        "I'm glad, Mr. Bryant!": {"joy"},
        "I can't say.": {"neutral"},
        "It's you?": {"surprise"},
        "Out!": {"anger"},
    }
    assert "train.json: tr_2, turn 2: no label" in texts.unusable[0]


@pytest.mark.parametrize("content", ["[1]", "{", '{"a": 1}', '{"a": [[{"turn": 1}]]}'])
def test_a_file_that_is_no_dialogues_is_refused(tmp_path: Path, content: str) -> None:
    for split in ("train", "valid"):
        (tmp_path / f"dailydialog_{split}.json").write_text(content)
    with pytest.raises(DatasetError, match=r"train\.json: not dialogues of utterances"):
        dailydialog.load(tmp_path)


def _texts(dataset: str, train: list[str], test: list[str]) -> Texts:
    rows = {
        "train": [
            Row("t", text, (("joy", "sadness")[place % 2],)) for place, text in enumerate(train)
        ],
        "dev": [Row("t", text, ("sadness",)) for text in test],
    }
    return split_as_published(dataset, "own", ("joy", "sadness"), rows)


def test_a_copy_that_differs_in_spelling_alone_is_not_trained_on() -> None:
    one = _texts("one", ["So Happy!", *"bcdefgh"], ["why?"])
    other = _texts("other", ["WHY", "@sam e"], ["so happy :)", "https://x.y/z E", "😀"])
    joined = join([one, other])
    known = {normalized(text) for text in (*joined.train.inputs, *joined.held_back.inputs)}
    assert known == set("bcdfgh")
    assert normalized("😀") == "😀"


def test_a_text_as_spoken_has_neither_capitals_nor_punctuation() -> None:
    assert as_spoken("Oh no! I'm late, aren't I?") == "oh no i'm late aren't i"
    assert as_spoken("😀!") == "😀!"
    samples = _texts("one", [f"Number {n}." for n in range(400)], ["x"]).train
    spoken = partly_spoken(samples, np.random.default_rng(0))
    share = np.mean([text.islower() for text in spoken.inputs])
    assert 0.25 < share < 0.42


def test_calls_for_help_and_threats_are_not_joy() -> None:
    phrases = dict(made(7000, np.random.default_rng(0)))
    for words, label in (("help me", "fear"), ("want to die", "sadness"), ("kill you", "anger")):
        found = {labels for text, labels in phrases.items() if words in text}
        assert found == {(label,)}


def test_irony_has_the_same_praise_as_joy() -> None:
    irony = read_patterns()["irony"]
    openings = {label: set[str]() for (label,) in (one.labels for one in irony)}
    for pattern in irony:
        openings[pattern.labels[0]].update(pattern.parts[0])
    assert openings.keys() == {"anger", "joy"}
    assert len(openings["anger"] & openings["joy"]) > 30
