"""Detection of voice in a stream of sound."""

import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_sound
from edge.config import Speech
from edge.perception.manifest import SoundInput
from edge.perception.pack import load_pack
from edge.perception.stillness import LAG_SAMPLES, Stillness, voice_band_db
from edge.perception.voice import FRAME_SAMPLES, VoiceWindow, VoiceWindows
from edge.resources import MODELS
from edge.values import SAMPLE_RATE_HZ, Sound

VOICE = read_sound(HAPPY_CLIP)


def _silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.int16)


def _windows() -> VoiceWindows:
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    return VoiceWindows(spec, Speech().min_voice_probability, Speech().min_voice_s)


def _hear(sound: Sound, block: int | None = None) -> list[VoiceWindow]:
    windows, block = _windows(), block or len(sound)
    parts = (sound[start : start + block] for start in range(0, len(sound), block))
    return [one for part in parts for one in windows.push(part)]


def _tones(seconds: float, *frequencies_hz: float) -> Sound:
    times_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    waves = [np.sin(2 * np.pi * hz * times_s) for hz in frequencies_hz]
    return np.asarray(np.sum(waves, axis=0) * 12000 / len(frequencies_hz), np.int16)


@pytest.mark.parametrize(
    "sound",
    [
        _silence(6),
        np.random.default_rng(0).normal(0, 2000, 6 * SAMPLE_RATE_HZ).astype(np.int16),
        _tones(6, 50),
        _tones(6, 261.6, 329.6, 392.0),
        np.concatenate([_tones(0.4, hz) for hz in (262, 294, 330, 349, 392, 440, 494, 523) * 2]),
        np.full(6 * SAMPLE_RATE_HZ, 32767, np.int16),
    ],
    ids=["silence", "hiss", "hum", "chord", "melody", "stuck at full scale"],
)
def test_what_is_no_voice_gives_no_window(sound: Sound) -> None:
    assert _hear(sound) == []


def _word(seconds: float) -> Sound:
    """The loudest part of the voice, faded in and out."""
    length = round(seconds * SAMPLE_RATE_HZ)
    energy = np.convolve(VOICE.astype(np.float64) ** 2, np.ones(length), "valid")
    start = int(energy.argmax())
    return np.asarray(VOICE[start : start + length] * np.hanning(length), np.int16)


def _hiss(seconds: float, level: float) -> Sound:
    noise = np.random.default_rng(0).normal(0, level, round(seconds * SAMPLE_RATE_HZ))
    return np.asarray(noise, np.int16)


def test_a_single_short_word_is_heard_in_a_quiet_room() -> None:
    found = _hear(np.concatenate([_hiss(2, 20), _word(0.35), _hiss(20, 20)]))
    assert 1 <= len(found) <= 4
    assert {one.utterance for one in found} == {0}
    assert 0 < found[0].quality < 0.5


def test_a_sound_that_does_not_stand_out_is_not_a_voice_in_the_room() -> None:
    assert _hear(VOICE)
    level = float(np.sqrt(np.mean(VOICE.astype(np.float32) ** 2)))
    drowned = VOICE + _hiss(len(VOICE) / SAMPLE_RATE_HZ, 1.5 * level)[: len(VOICE)]
    assert _hear(np.asarray(np.clip(drowned, -32768, 32767), np.int16)) == []


def test_a_pause_parts_utterances_and_they_share_no_sound() -> None:
    first = _hear(np.concatenate([VOICE, _silence(1.5)]))
    both = _hear(np.concatenate([VOICE, _silence(1.5), VOICE]))
    assert {one.utterance for one in first} == {0}
    assert sorted({one.utterance for one in both}) == [0, 1]
    second = next(one for one in both if one.utterance == 1)
    # The window has not filled since the pause: the front is still empty.
    assert not second.features[0].any()


def test_a_word_and_its_breath_are_one_utterance() -> None:
    speech = VOICE[SAMPLE_RATE_HZ // 2 :]
    found = _hear(np.concatenate([speech, _silence(0.2), speech]))
    assert {one.utterance for one in found} == {0}


def test_nothing_more_is_observed_after_a_voice_fell_silent() -> None:
    heard = _hear(np.concatenate([VOICE, _silence(1.5)]))
    assert len(_hear(np.concatenate([VOICE, _silence(20)]))) == len(heard)


def test_sound_that_was_lost_parts_utterances() -> None:
    windows = _windows()
    assert {one.utterance for one in windows.push(VOICE)} == {0}
    windows.reset()
    assert {one.utterance for one in windows.push(VOICE)} == {1}


@pytest.mark.parametrize("block", [1, 159, 800, 16001])
def test_the_size_of_blocks_changes_nothing(block: int) -> None:
    whole, parts = _hear(VOICE), _hear(VOICE, block)
    assert len(whole) == len(parts)
    for one, other in zip(whole, parts, strict=True):
        assert one.features == pytest.approx(other.features, abs=1e-4)
        assert one.quality == other.quality


def test_noise_and_clipping_lower_the_quality() -> None:
    rng = np.random.default_rng(0)
    level = np.sqrt(np.mean(VOICE.astype(np.float32) ** 2))
    noisy = VOICE + rng.normal(0, level, len(VOICE))
    clipped = np.clip(VOICE.astype(np.float32) * 40, -32768, 32767)
    qualities = [
        max(one.quality for one in _hear(np.asarray(sound, np.int16)))
        for sound in (VOICE, noisy, clipped)
    ]
    assert qualities[0] > 0.9
    assert qualities[1] < 0.6
    assert qualities[2] < 0.6


def test_what_is_kept_of_sound_does_not_grow() -> None:
    windows = _windows()
    for _ in range(30):
        windows.push(VOICE)
    held = sum(
        len(part)
        for part in (windows._energies, windows._frames, windows._new_frames, windows._pending)
    )
    assert held < 186 + 400 + 50 + 160


def test_a_few_samples_are_kept_until_they_are_enough() -> None:
    windows = _windows()
    assert windows.push(_silence(0)) == []
    assert windows.push(_silence(0.001)) == []


def _room(kind: str, seconds: float) -> Sound:
    """Noise of a room: of a microphone, of a fan, of traffic behind a wall, of mains."""
    count = round(seconds * SAMPLE_RATE_HZ)
    white = np.random.default_rng(0).normal(0, 1, count)
    steepness = {"hiss": 0.0, "fan": 0.5, "rumble": 1.0, "hum": 0.0}[kind]
    frequency = np.maximum(np.arange(count // 2 + 1), 1)
    noise = np.fft.irfft(np.fft.rfft(white) / frequency**steepness, count)
    sound = 20 * noise / noise.std()
    if kind == "hum":
        sound += 200 * np.sin(2 * np.pi * 50 * np.arange(count) / SAMPLE_RATE_HZ)
    return np.asarray(np.rint(sound), np.int16)


def _is_still(sound: Sound) -> list[bool]:
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    stillness = Stillness()
    return [
        stillness.is_still(level_db)
        for level_db in voice_band_db(frames, np.zeros(LAG_SAMPLES, np.int16)).tolist()
    ]


@pytest.mark.parametrize("kind", ["hiss", "fan", "rumble", "hum"])
def test_a_room_with_steady_noise_is_still_until_somebody_speaks(kind: str) -> None:
    still = _is_still(np.concatenate([_room(kind, 6), VOICE]))
    assert all(still[200:590])
    assert not any(still[-100:])


@pytest.mark.parametrize("kind", ["hiss", "fan", "rumble", "hum"])
def test_a_voice_after_a_stillness_is_heard_no_less_than_without(kind: str) -> None:
    room = _room(kind, 6)
    short, long = (
        _hear(np.concatenate([room[: round(seconds * SAMPLE_RATE_HZ)], VOICE]), 1600)
        for seconds in (0.9, 6)
    )
    assert len(long) >= len(short) > 1


def test_a_short_word_after_a_stillness_is_heard() -> None:
    assert _hear(np.concatenate([_room("hiss", 6), _word(0.35), _room("hiss", 1)]), 1600)
