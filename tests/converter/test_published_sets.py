"""Data sets that are given on request, each on a small tree in its published layout."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from converter.datasets.samples import Samples
from converter.datasets.splits import Splits
from converter.tasks.face import FaceTask
from converter.tasks.speech import SpeechTask
from converter.tasks.text import TextTask
from edge.capture.media import read_frames
from edge.values import Pixels

RNG = np.random.default_rng(0)


def _sound(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, RNG.normal(0, 0.1, 8_000), 16_000)


def _picture(file: Path, side: int = 48) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), cv2.resize(RNG.integers(0, 256, (8, 8), np.uint8), (side, side)))


def _write(file: Path, lines: Sequence[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def _found(samples: Samples) -> dict[str, int]:
    return {label: count for label, count in samples.counts().items() if count}


def _all(splits: Splits) -> dict[str, int]:
    parts = [_found(one) for one in (splits.train, splits.held_back, splits.test)]
    names = {name for part in parts for name in part}
    return {name: sum(part.get(name, 0) for part in parts) for name in names}


def test_iemocap_is_read_by_its_evaluations_with_two_speakers_a_session(tmp_path: Path) -> None:
    codes = ["neu", "exc", "ang", "fru", "xxx"]
    for session in (1, 2):
        root = tmp_path / f"Session{session}"
        dialog = f"Ses0{session}F_impro01"
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        for sex in "FM":
            for number, code in enumerate(codes):
                turn = f"{dialog}_{sex}00{number}"
                lines += [f"[6.2901 - 8.2357]\t{turn}\t{code}\t[2.5000, 2.5000, 2.5000]"]
                lines += ["C-E2:\tNeutral;\t()"]
                _sound(root / "sentences" / "wav" / dialog / f"{turn}.wav")
        _write(root / "dialog" / "EmoEvaluation" / f"{dialog}.txt", lines)
    (recordings,) = SpeechTask().recordings([tmp_path])
    assert recordings.dataset == "IEMOCAP"
    assert recordings.speakers == ["Ses01F", "Ses01M", "Ses02F", "Ses02M"]
    assert _found(recordings.samples) == {"neutral": 4, "happy": 4, "angry": 4}
    assert recordings.notes == ("8 turns of other emotions are left out: fru 4, xxx 4",)
    assert not recordings.unusable


def test_msp_podcast_keeps_its_splits_and_counts_what_is_left_out(tmp_path: Path) -> None:
    rows = ["FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"]
    sets = ["Train"] * 4 + ["Development"] * 2 + ["Test1"] * 2 + ["Test2"]
    for number, split in enumerate([*sets, "Train"]):
        code = "C" if number == len(sets) else "HA"[number % 2]
        rows.append(f"MSP_{number}.wav,{code},4,4,4,{number // 2 or 'Unknown'},Male,{split}")
        _sound(tmp_path / "Audios" / f"MSP_{number}.wav")
    _write(tmp_path / "Labels" / "labels_consensus.csv", rows)
    splits = SpeechTask().load([tmp_path])
    assert splits.trained_on == ("MSP-Podcast Train",)
    assert splits.test_split == "Test1"
    assert [len(one) for one in (splits.train, splits.held_back, splits.test)] == [4, 2, 2]
    assert "MSP-Podcast: 2 clips are left out: EmoClass C 1, Test2 1" in splits.notes


def test_kdef_is_split_by_person_without_full_profiles(tmp_path: Path) -> None:
    for person in ("F01", "F02", "M01", "M02"):
        for session in "AB":
            for code in ("AN", "HA"):
                for side in ("S", "FL"):
                    name = f"{session}{person}{code}{side}.JPG"
                    _picture(tmp_path / "KDEF" / f"{session}{person}" / name)
    splits = FaceTask().load([tmp_path])
    assert splits.dataset == "KDEF"
    assert _all(splits) == {"anger": 8, "happiness": 8}
    assert "KDEF: 4 people: split by person" in splits.notes
    assert "KDEF: 16 full profiles are left out" in splits.notes
    assert splits.schemes["KDEF"].labels[0] == "neutral"


def _affectnet_as_tables(root: Path) -> None:
    for name, count in (("training", 20), ("validation", 4)):
        columns = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks"
        rows = [f"{columns},expression,valence,arousal"]
        for number in range(count):
            _picture(root / "Manually_Annotated_Images" / "1" / f"{name}{number}.jpg", 90)
            rows.append(f"1/{name}{number}.jpg,10,20,40,30,1;2,{number % 2 + 1},0.5,0.1")
        _write(root / f"{name}.csv", [*rows, f"1/{name}0.jpg,10,20,40,30,1;2,9,-2,-2"])


def _affectnet_as_annotations(root: Path) -> None:
    for name, count in (("train_set", 20), ("val_set", 4)):
        (root / name / "annotations").mkdir(parents=True)
        for number in range(count + 1):
            expression = str(number % 2 + 1) if number < count else "9"
            _picture(root / name / "images" / f"{number}.jpg", 40)
            np.save(root / name / "annotations" / f"{number}_exp.npy", np.array(expression))


def _affectnet_as_folders(root: Path) -> None:
    for name, count in (("train", 20), ("val", 4)):
        for number in range(count):
            _picture(root / name / str(number % 2 + 1) / f"{number}.jpg", 40)
        (root / name / "0").mkdir()
        _picture(root / name / "9" / "uncertain.jpg", 40)


@pytest.mark.parametrize(
    "write", [_affectnet_as_tables, _affectnet_as_annotations, _affectnet_as_folders]
)
def test_affectnet_is_read_in_its_three_forms_and_tested_on_its_validation_set(
    tmp_path: Path, write: object
) -> None:
    write(tmp_path)  # type: ignore[operator]
    splits = FaceTask().load([tmp_path])
    assert splits.dataset == "AffectNet"
    assert _found(splits.test) == {"happiness": 2, "sadness": 2}
    assert _all(splits) == {"happiness": 12, "sadness": 12}
    assert {one.shape for one in splits.train.inputs} == {(40, 40)}
    assert "AffectNet: 2 pictures without an expression are left out: 9 2" in splits.notes
    assert "contempt" in splits.schemes["AffectNet"].labels


def test_expw_is_read_by_the_boxes_of_its_faces_and_split_by_picture(tmp_path: Path) -> None:
    rows = []
    for number in range(60):
        _picture(tmp_path / "image" / "origin" / f"{number}.jpg", 90)
        rows += [f"{number}.jpg 0 10 20 60 50 60.5 {number % 7}"]
    rows += ["0.jpg 1 30 30 80 80 50.1 3", "1.jpg 0 10 20", "2.jpg 0 1 1 40 40 50.0 7"]
    _write(tmp_path / "label" / "label.lst", rows)
    splits = FaceTask().load([tmp_path])
    assert splits.dataset == "ExpW"
    assert sum(_all(splits).values()) == 61
    assert splits.test_split == "a tenth by hash"
    assert {one.shape for one in splits.train.inputs} <= {(40, 40), (50, 50)}
    assert [one.partition(":")[2][:2] for one in splits.unusable] == ["62", "63"]


def test_afew_is_read_from_its_clips_and_tested_on_its_validation_set(tmp_path: Path) -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 1.0))).pixels
    for name, count in (("Train_AFEW", 2), ("Val_AFEW", 1)):
        for emotion in ("Happy", "Sad"):
            (tmp_path / name / emotion).mkdir(parents=True)
            for number in range(count):
                _clip(tmp_path / name / emotion / f"00004628{number}.avi", frame)
    splits = FaceTask().load_all([tmp_path])
    assert splits.dataset == "AFEW"
    assert _found(splits.test) == {"happiness": 3, "sadness": 3}
    assert splits.licence == "research only, no redistribution (AFEW)"


def _clip(file: Path, frame: Pixels) -> None:
    """Writes a clip of one frame."""
    height, width = frame.shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (width, height))
    writer.write(frame)
    writer.release()


def test_emotionlines_has_a_data_set_for_each_of_its_parts(tmp_path: Path) -> None:
    for part in ("friends", "emotionpush"):
        for split, count in (("train", 6), ("dev", 2), ("test", 2)):
            turns = [
                {"speaker": "Ann", "utterance": f"{part} {split} {n} {emotion}", "emotion": emotion}
                for n in range(count)
                for emotion in ("joy", "anger", "non-neutral")
            ]
            _write(tmp_path / f"{part}_{split}.json", [json.dumps([turns])])
    splits = TextTask().load([tmp_path])
    assert splits.datasets == ("EmotionLines Friends", "EmotionLines EmotionPush")
    assert _all(splits) == {"joy": 20, "anger": 20}
    assert "Friends: 10 turns that are non-neutral" in splits.unusable


def test_empathetic_dialogues_counts_each_description_once(tmp_path: Path) -> None:
    header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags"
    for split, count in (("train", 6), ("valid", 3), ("test", 3)):
        rows = [header]
        for number in range(count):
            emotion = ("terrified", "jealous", "grateful")[number % 3]
            for turn in (1, 2):
                prompt = f'It was dark_comma_ and "odd" {split} {number}'
                rows.append(f"hit:{number},{turn},{emotion},{prompt},1,Oh_comma_ no,5|5|5_2|2|5,")
        _write(tmp_path / "empatheticdialogues" / f"{split}.csv", rows)
    splits = TextTask().load([tmp_path])
    assert splits.dataset == "EmpatheticDialogues"
    assert _all(splits) == {"fear": 4, "joy": 4}
    assert splits.test.inputs[0] == 'It was dark, and "odd" test 0'
    assert "4 descriptions of jealous" in splits.unusable


def test_mosei_joins_its_labels_and_its_transcripts_by_time(tmp_path: Path) -> None:
    folder = tmp_path / "Transcript" / "Segmented" / "Combined"
    with h5py.File(tmp_path / "CMU_MOSEI_Labels.csd", "w") as file:
        for number in range(40):
            video = file.create_group(f"All Labels/data/video{number}")
            video["intervals"] = np.array([[0.0, 4.5], [4.5, 9.0]])
            # sentiment, then happiness, sadness, anger, surprise, disgust and fear
            video["features"] = np.array([[1, 2, 0, 0, 0.33, 0, 0], [0, 0, 0, 0, 0, 0, 0]])
            lines = [
                f"video{number}___{n}___{start}___{end}___Said {number} {n}"
                for n, start, end in ((1, 4.5, 9.0), (0, 0.0, 4.5), (2, 9.0, 12.0))
            ]
            _write(folder / f"video{number}.txt", lines)
    splits = TextTask().load([tmp_path])
    assert splits.dataset == "CMU-MOSEI"
    texts = dict(zip(splits.train.inputs, splits.train.targets.tolist(), strict=True))
    labels = splits.train.labels
    first = next(number for number in range(40) if f"Said {number} 0" in texts)
    heard = dict(zip(labels, texts[f"Said {first} 0"], strict=True))
    assert (heard["joy"], heard["surprise"]) == (0.5, 0.5)
    assert texts[f"Said {first} 1"][labels.index("neutral")] == 1
    assert len([one for one in splits.unusable if "no label for these seconds" in one]) == 40
