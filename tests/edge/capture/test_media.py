import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_sound
from edge.errors import SourceError


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_of_any_rate_and_channel_count_is_heard_alike(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    path = tmp_path / "tone.wav"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate_hz)
    sound = read_sound(path)
    assert sound.dtype == np.int16
    assert len(sound) == pytest.approx(16000, abs=2)
    expected = 16384 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert sound[2000:14000] == pytest.approx(expected[2000:14000], abs=200)


def test_the_sound_track_of_a_video_is_heard() -> None:
    assert len(read_sound(HAPPY_CLIP)) / 16000 == pytest.approx(1.8, abs=0.2)


def test_files_without_sound_are_refused(tmp_path: Path) -> None:
    rubbish, empty = tmp_path / "rubbish.wav", tmp_path / "empty.wav"
    rubbish.write_bytes(b"RIFF but not really")
    with wave.open(str(empty), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    with pytest.raises(SourceError, match="not a readable sound or video"):
        read_sound(rubbish)
    with pytest.raises(SourceError, match="contains no sound"):
        read_sound(empty)
    with pytest.raises(SourceError, match="no such file"):
        read_sound(tmp_path / "none.wav")


@pytest.mark.parametrize("rate_hz", [16000, 48000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.opus"])
def test_a_sound_of_any_format_is_read_whole_and_half_of_it_is_not_made_up(
    tmp_path: Path, name: str, rate_hz: int
) -> None:
    path = tmp_path / name
    hiss = np.random.default_rng(0).uniform(-0.25, 0.25, 3 * rate_hz)
    as_opus = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    soundfile.write(path, hiss, rate_hz, **as_opus)
    sound = read_sound(path)
    assert len(sound) == pytest.approx(3 * 16000, rel=0.05)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if name in ("a.ogg", "a.opus"):  # which do not say how long they should be
        part = read_sound(path)
        assert 0 < len(part) < 0.6 * len(sound)
        assert part.std() < 1.3 * sound.std()
    else:
        with pytest.raises(SourceError, match=r"is it complete\?|not a readable sound or video"):
            read_sound(path)


def test_a_wav_whose_writer_did_not_know_its_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "streamed.wav"
    soundfile.write(path, np.full(16000, 0.5), 16000)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(read_sound(path)) == 16000


@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_samples_that_are_no_numbers_are_heard_as_silence_or_full_scale(
    tmp_path: Path, rate_hz: int
) -> None:
    path, samples = tmp_path / "odd.wav", np.full(rate_hz, 0.5, np.float32)
    samples[100], samples[200:300], samples[400] = np.nan, np.inf, -np.inf
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    sound = read_sound(path)
    assert sound[8000:-100] == pytest.approx(16384, abs=400)
    assert sound[:4000].max() > 32000
    assert sound[:4000].min() < 10000
