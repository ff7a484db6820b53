"""Sound of several channels, as arrays and in files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.channels import Channel, Downmix, FloatBlock, FloatSound, amplified
from edge.capture.media import read_sound
from edge.errors import SourceError
from edge.values import SAMPLE_RATE_HZ

VOICE: FloatSound = read_sound(HAPPY_CLIP) / np.float32(32768)
FAINT = np.random.default_rng(0).normal(0, 0.001, (len(VOICE), 6)).astype(np.float32)


def _mixed(channels: FloatBlock, channel: Channel = "mix", block: int = 800) -> FloatSound:
    downmix = Downmix(channel, SAMPLE_RATE_HZ, "array")
    return np.concatenate(
        [downmix.mono(channels[at : at + block]) for at in range(0, len(channels), block)]
    )


def _likeness(sound: FloatSound) -> float:
    return float(np.corrcoef(sound, VOICE)[0, 1])


def test_channels_are_averaged() -> None:
    left_only = np.stack([VOICE, np.zeros_like(VOICE)], axis=1)
    assert _mixed(left_only) == pytest.approx(VOICE / 2)


@pytest.mark.parametrize("block", [160, 65_536])
def test_channels_that_cancel_are_heard_through_one_of_them(block: int) -> None:
    assert _likeness(_mixed(np.stack([VOICE, -VOICE], axis=1), block=block)) > 0.99
    nearly = np.stack([VOICE, -0.8 * VOICE], axis=1)
    assert _likeness(_mixed(nearly, block=block)) > 0.99
    offset = np.stack([VOICE + 0.2, 0.2 - VOICE], axis=1).astype(np.float32)
    assert abs(_likeness(_mixed(offset, block=block))) > 0.99


def test_one_voice_among_faint_channels_is_not_lost_in_their_mean() -> None:
    channels = FAINT.copy()
    channels[:, 4] += VOICE
    mixed = _mixed(channels)
    assert np.abs(mixed).max() == pytest.approx(np.abs(VOICE).max(), abs=0.01)


def test_a_channel_is_taken_by_its_number() -> None:
    channels = FAINT.copy()
    channels[:, 2] = VOICE
    assert np.array_equal(_mixed(channels, 2), VOICE)
    assert np.array_equal(_mixed(VOICE[:, None], 0), VOICE)
    with pytest.raises(SourceError, match=r"array has channels 0 to 5; microphone\.channel is 6"):
        _mixed(channels, 6)
    with pytest.raises(SourceError, match="array has only channel 0; "):
        _mixed(VOICE[:, None], 1)


def test_silence_and_values_that_are_no_numbers_stay_harmless() -> None:
    assert not _mixed(np.zeros((1600, 2), np.float32)).any()
    broken = np.stack([VOICE, VOICE], axis=1)
    broken[100] = np.nan
    assert np.isfinite(_mixed(broken)).all()


def test_gain_multiplies_and_stops_at_full_scale() -> None:
    quiet = np.array([0, 100, -100, 20_000, -20_000], np.int16)
    assert amplified(quiet, 4.0).tolist() == [0, 400, -400, 32767, -32768]
    assert amplified(quiet, 0.5).tolist() == [0, 50, -50, 10_000, -10_000]


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_a_file_whose_channels_cancel_is_heard(tmp_path: Path, rate_hz: int) -> None:
    sound = VOICE
    path = tmp_path / "antiphase.flac"
    soundfile.write(path, np.stack([sound, -sound], axis=1), rate_hz)
    one = tmp_path / "one.flac"
    soundfile.write(one, sound, rate_hz)
    assert np.abs(read_sound(path) - read_sound(one)).max() <= 1
    assert np.corrcoef(read_sound(path, 0), read_sound(path, 1))[0, 1] < -0.99
    with pytest.raises(SourceError, match=r"antiphase\.flac has channels 0 to 1"):
        read_sound(path, 2)
