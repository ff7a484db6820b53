"""The loaders of speech, each on a small tree in the layout that its data set was published in."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from converter.datasets import labelled_sounds, nemo, own_speech
from converter.datasets.acted_speech import (
    ASED,
    CREMA_D,
    EMO_DB,
    EMOSPEECH_IN,
    EMOVO,
    RAVDESS,
    SAVEE,
    TESS,
    URDU,
    ActedSpeech,
)
from converter.datasets.priors import label_priors
from converter.datasets.recordings import LABELS, Recordings
from converter.datasets.samples import DatasetError
from converter.datasets.speaker_splits import (
    all_to_test,
    split_by_clip,
    split_by_set,
    split_by_speaker,
)
from converter.tasks.speech import LAYOUTS, SpeechTask
from edge.values import SAMPLE_RATE_HZ


def _write(files: Iterable[Path], rate_hz: int = SAMPLE_RATE_HZ, seconds: float = 0.5) -> None:
    """Noise that differs from file to file."""
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).normal(0, 0.1, round(rate_hz * seconds))
        soundfile.write(file, noise, rate_hz)


def _labels(recordings: Recordings) -> dict[str, list[str]]:
    """The labels of each speaker, in the order of the files."""
    found: dict[str, list[str]] = {}
    pairs = zip(recordings.samples.groups, recordings.samples.majority, strict=True)
    for speaker, index in pairs:
        found.setdefault(speaker, []).append(LABELS[index])
    return found


def test_ravdess_is_read_at_any_rate_and_other_files_are_reported(tmp_path: Path) -> None:
    folder = tmp_path / "Actor_03"
    _write([folder / "03-01-01-01-01-01-03.wav", folder / "03-01-08-01-01-01-03.flac"], 48_000)
    _write([tmp_path / "Actor_04" / "03-01-02-01-01-01-04.wav"], 44_100)
    (folder / "03-01-05-01-01-01-03.wav").write_bytes(b"half written")
    (folder / "03-01-05-01-01-02-03.wav").write_bytes(b"")
    (folder / "03-02-05-01-01-02-03.wav").write_bytes(b"a song")
    recordings = RAVDESS.load(tmp_path)
    assert _labels(recordings) == {"03": ["neutral", "surprised"], "04": ["calm"]}
    assert {len(sound) for sound in recordings.samples.inputs} == {8000}
    assert [Path(one.split(": ")[0]).name for one in recordings.unusable] == [
        "03-02-05-01-01-02-03.wav",
        "03-01-05-01-01-01-03.wav",
        "03-01-05-01-01-02-03.wav",
    ]


def test_cremad_is_read(tmp_path: Path) -> None:
    sounds = tmp_path / "AudioWAV"
    names = ("1001_DFA_ANG_XX", "1001_IEO_SAD_LO", "1002_TIE_NEU_XX", "1002_DFA_BOR_XX")
    _write(sounds / f"{name}.wav" for name in names)
    recordings = CREMA_D.load(tmp_path)
    assert _labels(recordings) == {"1001": ["angry", "sad"], "1002": ["neutral"]}
    assert "1002_DFA_BOR_XX" in recordings.unusable[0]
    assert CREMA_D.load(sounds).samples.groups == recordings.samples.groups


@pytest.mark.parametrize(
    ("corpus", "files", "labels"),
    [
        (
            EMOVO,
            ("EMOVO/f1/gio-f1-b1", "EMOVO/f1/pau-f1-n5", "EMOVO/m2/sor-m2-d1", "EMOVO/m2/x-m2-d1"),
            {"F1": ["happy", "fearful"], "M2": ["surprised"]},
        ),
        (
            ASED,
            ("01Neutral/n1-01-01-01-07", "02Fearful/f2-01-02-01-07", "05Angry/a5-07-01-02-63"),
            {"07": ["neutral", "fearful"], "63": ["angry"]},
        ),
        (
            EMOSPEECH_IN,
            (
                "webservice/go-safe-calm-1562998-4e520c6f92b984e3",
                "webservice/help-scream-fearful-1563207-342ed73c46949fcf",
                "webservice/help-safe-happy-??-4e520c6f92b984e3",
                "webservice/help-safe-bored-1-4e520c6f92b984e3",
            ),
            {"4E520C6F92B9": ["neutral", "happy"], "342ED73C4694": ["fearful"]},
        ),
        (
            URDU,
            ("Angry/SM2_F10_A032", "Sad/SF24_F38_S050", "Neutral/SM2_F1_N1"),
            {"SM2": ["angry", "neutral"], "SF24": ["sad"]},
        ),
    ],
)
def test_corpora_are_known_by_their_names(
    tmp_path: Path, corpus: ActedSpeech, files: tuple[str, ...], labels: dict[str, list[str]]
) -> None:
    _write(tmp_path / f"{name}.wav" for name in files)
    assert corpus.matches(tmp_path)
    found = _labels(corpus.load(tmp_path))
    assert {one: sorted(each) for one, each in found.items()} == {
        one: sorted(each) for one, each in labels.items()
    }


def _table(folder: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """A folder with labels.csv, and a sound for each row of speaker and emotion."""
    rows = list(rows)
    _write(folder / "clips" / f"{number}.wav" for number in range(len(rows)))
    lines = [f"clips/{number}.wav,{emotion},{who}" for number, (who, emotion) in enumerate(rows)]
    (folder / "labels.csv").write_text("\n".join(["file,emotion,speaker", *lines]))
    return folder


def test_a_table_of_labels_needs_no_code_for_its_set(tmp_path: Path) -> None:
    folder = _table(tmp_path / "mine", [("ann", "joy"), ("ann", "Fear"), ("bob", "bored")])
    with (folder / "labels.csv").open("a") as table:
        table.write("\nclips/0.wav,sad,ann\nclips/9.wav,sad,ann\nface.mp4,sad,ann\n")
    matches = [load for matches, load in LAYOUTS if matches(folder)]
    assert isinstance(matches[0], partial)
    assert matches[0].func is labelled_sounds.load
    recordings = labelled_sounds.load(folder)
    assert (recordings.dataset, recordings.licence) == ("mine", "that of mine")
    assert _labels(recordings) == {"ann": ["happy", "fearful"]}
    reasons = "\n".join((*recordings.unusable, *recordings.notes))
    assert "labels.csv:4: clips/2.wav: no emotion is called 'bored'" in reasons
    assert "labels.csv:5: clips/0.wav: listed twice" in reasons
    assert "clips/9.wav" in reasons
    assert "rows of labels.csv that are not recordings: 1 (face.mp4)" in reasons
    assert "'bored' is no emotion: 1 recordings left out; rename it, or add --map" in reasons


def test_a_table_of_videos_is_not_one_of_sounds(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,emotion,speaker\na.mp4,sad,ann\n")
    assert not labelled_sounds.matches(tmp_path)
    (tmp_path / "labels.csv").write_text("name,emotion\na.wav,sad\n")
    assert not labelled_sounds.matches(tmp_path)
    assert not labelled_sounds.matches(tmp_path / "missing")


def test_tess_is_read_with_its_one_odd_name(tmp_path: Path) -> None:
    _write(
        [
            tmp_path / "OAF_Fear" / "OAF_back_fear.wav",
            tmp_path / "OAF_Fear" / "OA_bite_neutral.wav",
            tmp_path / "YAF_pleasant_surprised" / "YAF_back_ps.wav",
            tmp_path / "YAF_pleasant_surprised" / "YAF_back_bored.wav",
        ]
    )
    recordings = TESS.load(tmp_path)
    assert _labels(recordings) == {"OA": ["fearful", "neutral"], "YA": ["surprised"]}
    assert len(recordings.unusable) == 1


@pytest.mark.parametrize("name", ["AudioData/{}/{}.wav", "{}_{}.wav"])
def test_savee_is_read_in_both_layouts(tmp_path: Path, name: str) -> None:
    clips = [("DC", "a01"), ("DC", "sa02"), ("KL", "su15"), ("XX", "a01"), ("DC", "x01")]
    _write(tmp_path / name.format(*clip) for clip in clips)
    recordings = SAVEE.load(tmp_path)
    assert _labels(recordings) == {"DC": ["angry", "sad"], "KL": ["surprised"]}
    assert len(recordings.unusable) == 2


def test_emodb_is_read_without_boredom(tmp_path: Path) -> None:
    names = ("03a01Fa", "03b10Wc", "16a02La", "16a02Ab", "99xxxx")
    _write(tmp_path / "wav" / f"{name}.wav" for name in names)
    recordings = EMO_DB.load(tmp_path)
    assert _labels(recordings) == {"03": ["happy", "angry"], "16": ["fearful"]}
    assert [reason for reason in recordings.unusable if "its emotion is none of" in reason]
    assert [reason for reason in recordings.unusable if "not named as EMO-DB names clips" in reason]


def test_nemo_is_read_by_its_table_in_any_sound_format(tmp_path: Path) -> None:
    rows = [
        ("EB0_anger_1.wav", "anger", "EB0"),
        ("WR0_surprised_2.wav", "surprised", " WR0"),
        ("gone.wav", "fear", "EB0"),
        ("EB0_odd_1.wav", "boredom", "EB0"),
        ("", "", ""),
    ]
    table = [
        "file_id\temotion\traw_text\tspeaker_id",
        *(f"{f}\t{e}\tTak.\t{s}" for f, e, s in rows),
    ]
    (tmp_path / "data.tsv").write_text("\n".join(table), encoding="utf-8")
    sounds = tmp_path / "samples"
    _write(
        [
            sounds / "EB0_anger_1.ogg",
            sounds / "WR0_surprised_2.wav",
            sounds / "EB0_odd_1.wav",
            sounds / "extra.wav",
        ]
    )
    recordings = nemo.load(tmp_path)
    assert _labels(recordings) == {"EB0": ["angry"], "WR0": ["surprised"]}
    reasons = "\n".join(recordings.unusable)
    for reason in ("gone.wav is missing", "extra.wav: not in", "data.tsv:6: ", "emotion is none"):
        assert reason in reasons
    assert len(recordings.unusable) == 4


def test_an_unreadable_table_of_nemo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read"):
        nemo.load(tmp_path)


def test_own_recordings_are_read_by_speaker_and_emotion(tmp_path: Path) -> None:
    _write(tmp_path / name for name in ("ann/Happy/1.wav", "bob/sadness/1.flac", "bob/1.wav"))
    recordings = own_speech.load(tmp_path)
    assert _labels(recordings) == {"ann": ["happy"], "bob": ["sad"]}
    (reason,) = recordings.unusable
    assert "bob/1.wav: not in a folder named after an emotion" in reason


def test_clips_that_are_not_utterances_are_reported(tmp_path: Path) -> None:
    folder = tmp_path / "ann" / "happy"
    _write([folder / "good.wav"])
    (folder / "twice.wav").write_bytes((folder / "good.wav").read_bytes())
    _write([folder / "short.wav"], seconds=0.01)
    _write([folder / "long.wav"], rate_hz=8000, seconds=61)
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    recordings = own_speech.load(tmp_path)
    assert len(recordings.samples) == 1
    reasons = "\n".join(recordings.unusable)
    for reason in ("same recording as", "0.01 s long", "61.00 s long", "silent.wav: silent"):
        assert reason in reasons


@pytest.mark.parametrize(
    ("names", "dataset"),
    [
        (("Actor_01/03-01-01-01-01-01-01.wav",), "RAVDESS"),
        (("AudioWAV/1001_DFA_ANG_XX.wav",), "CREMA-D"),
        (("TESS/OAF_back_fear.wav",), "TESS"),
        (("AudioData/DC/a01.wav",), "SAVEE"),
        (("wav/03a01Fa.wav",), "EMO-DB"),
        (("ann/happy/1.wav",), "data"),
        (("Actor_Ann/happy/1.wav",), "data"),
    ],
)
def test_a_data_set_is_recognized_by_its_files(
    tmp_path: Path, names: tuple[str, ...], dataset: str
) -> None:
    _write(tmp_path / "data" / name for name in names)
    assert [one.dataset for one in SpeechTask().recordings([tmp_path / "data"])] == [dataset]


def test_a_folder_without_speech_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="known layouts: RAVDESS"):
        SpeechTask().load([tmp_path])
    clip = tmp_path / "Actor_01" / "03-01-01-01-01-01-01.wav"
    clip.parent.mkdir()
    clip.write_bytes(b"")
    with pytest.raises(DatasetError, match="no clip can be used; the first of 1 left out: "):
        SpeechTask().load([tmp_path])


def test_data_sets_with_a_common_name_or_recording_are_refused(tmp_path: Path) -> None:
    for folder in ("a/data", "b/data", "b/copy"):
        _write([tmp_path / folder / "ann" / "happy" / "1.wav"])
    with pytest.raises(DatasetError, match="two data sets are called 'data'"):
        SpeechTask().load([tmp_path / "a" / "data", tmp_path / "b" / "data"])
    with pytest.raises(DatasetError, match="data and copy have recordings in common"):
        SpeechTask().load([tmp_path / "a" / "data", tmp_path / "b" / "copy"])


@pytest.fixture
def two_sets(tmp_path: Path) -> list[Recordings]:
    speakers = {"many": [f"s{number:02}" for number in range(12)], "few": ["a", "b"]}
    found = []
    for dataset, names in speakers.items():
        root = tmp_path / dataset
        _write(root / one / label / "1.wav" for one in names for label in ("happy", "sad"))
        found.append(own_speech.load(root))
    return found


def test_every_speaker_is_tested_once_and_never_beside_their_training(
    two_sets: list[Recordings],
) -> None:
    tested: list[str] = []
    for fold in range(9):
        splits = split_by_speaker(two_sets, fold)
        parts = [set(part.people) for part in (splits.train, splits.held_back, splits.test)]
        assert parts[0].isdisjoint(parts[1] | parts[2])
        assert parts[1].isdisjoint(parts[2])
        tested += parts[2]
    assert sorted(tested) == sorted(
        {f"{one.dataset} {speaker}" for one in two_sets for speaker in one.speakers}
    )


def test_each_set_is_measured_by_itself_on_the_labels_that_it_has(
    two_sets: list[Recordings],
) -> None:
    splits = split_by_speaker(two_sets, fold=8)
    assert set(splits.test.groups) == set(splits.schemes) == {"many", "few"}
    assert splits.schemes["few"].labels == ("happy", "sad")


def test_a_set_that_is_left_out_is_tested_whole_and_not_trained_on(
    two_sets: list[Recordings],
) -> None:
    for fold, name in enumerate(("many", "few")):
        splits = split_by_set(two_sets, fold, 2)
        assert set(splits.test.groups) == {name}
        assert len(splits.test) == len(two_sets[fold].samples)
        assert name not in {*splits.train.groups, *splits.held_back.groups, *splits.datasets}
        assert splits.schemes[name].test_split == "left out"


@pytest.mark.parametrize(
    ("rows", "is_judged"),
    [
        ([("ann", "happy"), ("bob", "sad"), ("cem", "sad"), ("cem", "happy")], False),
        ([("", "happy"), ("", "sad"), ("", "angry"), ("", "fear")], True),  # as a whole
    ],
)
def test_voices_that_would_give_the_answer_away_are_for_training_only(
    tmp_path: Path, two_sets: list[Recordings], rows: list[tuple[str, str]], is_judged: bool
) -> None:
    recordings = labelled_sounds.load(_table(tmp_path / "telltale", rows))
    tested = [split_by_set([*two_sets, recordings], fold, 2).test for fold in range(2)]
    assert any("telltale" in one.groups for one in tested) == is_judged
    for fold in (None, 0, 8):
        splits = split_by_speaker([*two_sets, recordings], fold)
        assert splits.train.groups.count("telltale") == len(rows)
        assert any(note.startswith("telltale: every clip is for training") for note in splits.notes)
    assert all_to_test([recordings]).test.groups == ("telltale",) * len(rows)


def test_clips_of_unknown_speakers_and_sets_of_one_speaker_are_for_training(
    tmp_path: Path, two_sets: list[Recordings]
) -> None:
    rows = [("ann", "happy"), ("ann", "sad"), ("bob", "happy"), ("bob", "sad"), ("", "sad")]
    some = labelled_sounds.load(_table(tmp_path / "some", rows))
    alone = labelled_sounds.load(_table(tmp_path / "alone", rows[:2]))
    splits = split_by_speaker([*two_sets, some, alone])
    assert set(splits.train.people) >= {"some ann", "some ", "alone ann"}
    assert "some bob" in splits.held_back.people
    assert set(splits.held_back.groups) <= set(splits.train.groups)
    with pytest.raises(DatasetError, match="alone: fewer than two speakers are known"):
        split_by_speaker([alone])


def test_neutral_voices_of_a_set_without_calm_ones_teach_both(tmp_path: Path) -> None:
    rows = [(one, label) for one in ("ann", "bob") for label in ("neutral", "sad")]
    without = labelled_sounds.load(_table(tmp_path / "without", rows))
    known = [*rows, ("ann", "calm"), ("bob", "calm")]
    splits = split_by_speaker([without, labelled_sounds.load(_table(tmp_path / "known", known))])
    for dataset, share in (("without", 0.5), ("known", 1.0)):
        own = splits.train.of_groups({dataset})
        neutral, calm = own.targets[own.majority == LABELS.index("neutral")].T[:2]
        assert (neutral == share).all()
        assert (calm == 1 - share).all()
    assert splits.held_back.targets.max() == 1
    assert label_priors(splits.train, splits.schemes)["without"][LABELS.index("calm")] == 0.25


def test_priors_are_those_of_the_samples_as_they_are_drawn(two_sets: list[Recordings]) -> None:
    splits = split_by_speaker(two_sets)
    equal = label_priors(splits.train, splits.schemes)
    assert equal["few"][[LABELS.index("happy"), LABELS.index("calm")]].tolist() == [0.5, 0]
    happy = splits.train.targets[:, LABELS.index("happy")]
    weights = np.asarray(1 + 2 * happy)  # happy is drawn three times as often as sad
    drawn = label_priors(splits.train, splits.schemes, weights)
    assert drawn["few"][LABELS.index("happy")] == pytest.approx(0.75)


def test_without_a_fold_nobody_is_tested_and_each_set_holds_its_last_speaker_back(
    two_sets: list[Recordings],
) -> None:
    splits = split_by_speaker([replace(one, parts=()) for one in two_sets])
    assert not len(splits.test)
    assert {"many s11", "few b"} <= set(splits.held_back.people)
    assert "few a" in splits.train.people
    assert splits.licence == own_speech.LICENCE


def test_a_random_split_lets_speakers_be_on_both_sides(two_sets: list[Recordings]) -> None:
    splits = split_by_clip(two_sets)
    total = len(splits.train) + len(splits.held_back) + len(splits.test)
    assert total == sum(len(one.samples) for one in two_sets)
    assert set(splits.test.people) & set(splits.train.people)
    assert "at random" in splits.test_split
