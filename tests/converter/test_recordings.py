"""The loaders of speech, each on a small tree in the layout that its data set was published in."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from converter.datasets import nemo, own_speech
from converter.datasets.acted_speech import CREMA_D, EMO_DB, RAVDESS, SAVEE, TESS
from converter.datasets.recordings import LABELS, Recordings, split_by_clip, split_by_speaker
from converter.datasets.samples import DatasetError
from converter.tasks.speech import SpeechTask
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
    _write(
        tmp_path / name
        for name in ("ann/Happy/1.wav", "bob/sadness/1.flac", "bob/1.wav", "bob/bored/2.wav")
    )
    recordings = own_speech.load(tmp_path)
    assert _labels(recordings) == {"ann": ["happy"], "bob": ["sad"]}
    assert len(recordings.unusable) == 2


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
        parts = [set(part.groups) for part in (splits.train, splits.held_back, splits.test)]
        assert parts[0].isdisjoint(parts[1] | parts[2])
        assert parts[1].isdisjoint(parts[2])
        tested += parts[2]
    assert sorted(tested) == sorted(
        {f"{one.dataset} {speaker}" for one in two_sets for speaker in one.speakers}
    )


def test_without_a_fold_nobody_is_tested_and_each_set_holds_its_last_speaker_back(
    two_sets: list[Recordings],
) -> None:
    splits = split_by_speaker(two_sets)
    assert not len(splits.test)
    assert {"many s11", "few b"} <= set(splits.held_back.groups)
    assert "few a" in splits.train.groups
    assert splits.licence == own_speech.LICENCE


def test_a_random_split_lets_speakers_be_on_both_sides(two_sets: list[Recordings]) -> None:
    splits = split_by_clip(two_sets)
    total = len(splits.train) + len(splits.held_back) + len(splits.test)
    assert total == sum(len(one.samples) for one in two_sets)
    assert set(splits.test.groups) & set(splits.train.groups)
    assert "at random" in splits.test_split


def test_one_speaker_is_too_few(tmp_path: Path) -> None:
    _write([tmp_path / "ann" / "happy" / "1.wav", tmp_path / "ann" / "sad" / "1.wav"])
    with pytest.raises(DatasetError, match="no sample is left for train"):
        SpeechTask().load([tmp_path])
