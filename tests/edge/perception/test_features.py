import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_speech_features import mfcc as reference_mfcc

from edge.perception.features import (
    LogMelStream,
    cepstrum,
    image_features,
    log_mel,
    sound_features,
)
from edge.perception.manifest import ImageInput, SoundInput
from edge.perception.pack import load_pack
from edge.resources import MODELS

GREY = ImageInput((48, 48, 1), "grey", "standardized")


def _speech_input() -> SoundInput:
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    return spec


def _noise(samples: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.random.default_rng(1).normal(0, 3000, samples).astype(np.int16)


@pytest.mark.parametrize("lifter", [0, 22])
def test_mfcc_equals_python_speech_features(lifter: int) -> None:
    spec = msgspec.structs.replace(_speech_input(), lifter=lifter)
    sound = _noise(512 + 256 * 185)
    expected = reference_mfcc(
        sound,
        16000,
        spec.window_s,
        spec.hop_s,
        spec.shape[1],
        spec.mel_bands,
        spec.fft_length,
        spec.low_hz,
        spec.high_hz,
        spec.preemphasis,
        spec.lifter,
        False,
        np.hamming,
    )
    assert cepstrum(log_mel(sound, spec), spec) == pytest.approx(expected, abs=1e-3)


def test_an_incomplete_last_frame_is_left_out() -> None:
    spec = _speech_input()
    sound = _noise(512 + 256 * 3)
    assert len(log_mel(sound, spec)) == 4
    assert len(log_mel(sound[:-1], spec)) == 3
    assert log_mel(sound[:511], spec).shape == (0, spec.mel_bands)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30))
@settings(max_examples=50)
def test_streamed_frames_equal_those_of_the_whole_sound(blocks: list[int]) -> None:
    spec = _speech_input()
    sound = _noise(sum(blocks))
    stream = LogMelStream(spec)
    streamed = [stream.push(part) for part in np.split(sound, np.cumsum(blocks)[:-1])]
    assert np.concatenate(streamed) == pytest.approx(log_mel(sound, spec), abs=1e-5)


def test_a_quiet_microphone_gives_the_features_of_a_loud_one() -> None:
    spec = _speech_input()
    sound = _noise(48000)
    loud = sound_features(log_mel(sound, spec), spec)
    quiet = sound_features(log_mel(sound.astype(np.float32) / 20, spec), spec)
    assert quiet == pytest.approx(loud, abs=1e-3)


def test_digital_silence_and_a_quiet_room_are_alike_beside_a_voice() -> None:
    spec = _speech_input()
    voice, quiet = _noise(24000), np.zeros(24000, np.int16)
    room = np.random.default_rng(2).normal(0, 5, 24000).astype(np.int16)
    features = [
        sound_features(log_mel(np.concatenate([background, voice]), spec), spec)
        for background in (quiet, room)
    ]
    assert features[0] == pytest.approx(features[1], abs=0.01)


def test_sound_shorter_than_the_window_is_filled_with_the_mean_at_the_front() -> None:
    spec = _speech_input()
    features = sound_features(log_mel(_noise(16000), spec), spec)
    assert features.shape == spec.shape
    assert not features[:100].any()
    assert features[-1].any()


def test_colour_and_grey_pictures_of_any_size_give_one_shape() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (96, 80), np.uint8)
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    assert image_features(colour, GREY) == pytest.approx(image_features(grey, GREY), abs=0.02)
    assert image_features(grey[:1, :1], GREY).shape == (48, 48, 1)


def test_standardized_pictures_do_not_depend_on_brightness_and_contrast() -> None:
    picture = np.random.default_rng(0).integers(0, 100, (48, 48), np.uint8)
    brighter = (picture * 2 + 20).astype(np.uint8)
    assert image_features(brighter, GREY) == pytest.approx(image_features(picture, GREY), abs=1e-4)


def test_a_blank_picture_stays_blank() -> None:
    assert not image_features(np.full((48, 48), 90, np.uint8), GREY).any()


# "So happy 😀": 3 words, 2 pairs, and the runs of up to 5 of the 4, 7 and 3 characters that the
# words have with their ends marked: 4 + 3 + 2 + 1, 7 + 6 + 5 + 4 + 3, 3 + 2 + 1.


def test_a_voice_sounds_the_same_through_another_microphone_once_its_colour_is_removed() -> None:
    spec = msgspec.structs.replace(_speech_input(), removes_colour=True)
    energies = log_mel(_noise(512 + 256 * 120), spec)
    coloured = energies + np.linspace(-2, 2, spec.mel_bands, dtype=np.float32)
    own, other = (sound_features(one, spec) for one in (energies, coloured))
    above_floor = np.s_[:, 10:]  # the lowest bands of white noise are near the floor
    assert own[above_floor] == pytest.approx(other[above_floor], abs=1e-4)
    assert own[spec.shape[0] - len(energies) :].mean(axis=0) == pytest.approx(0, abs=0.01)
    assert not own[: spec.shape[0] - len(energies)].any()
    assert sound_features(energies[:0], spec).tolist() == np.zeros(spec.shape).tolist()


@pytest.mark.parametrize(("colour", "first"), [("rgb", 30), ("bgr", 10)])
def test_affine_pixels_have_their_channels_in_the_order_of_the_colour(
    colour: str, first: int
) -> None:
    spec = ImageInput((8, 8, 3), colour, "affine", (1.0, 2.0, 3.0), (10.0, 20.0, 40.0))  # type: ignore[arg-type]
    picture = np.zeros((8, 8, 3), np.uint8) + np.array([10, 20, 30], np.uint8)  # BGR
    expected = [(first - 1) / 10, (20 - 2) / 20, (40 - first - 3) / 40]
    assert image_features(picture, spec)[0, 0] == pytest.approx(expected)


def test_a_grey_picture_has_equal_channels_in_any_colour() -> None:
    picture = np.full((8, 8), 51, np.uint8)
    for colour in ("rgb", "bgr"):
        spec = ImageInput((8, 8, 3), colour, "unit")
        assert image_features(picture, spec) == pytest.approx(0.2)


def test_a_model_that_knows_loudness_keeps_it() -> None:
    spec = msgspec.structs.replace(_speech_input(), removes_colour=False)
    loud = log_mel(_noise(48000), spec)
    quiet = loud - 3
    removed = sound_features(loud, spec) - sound_features(quiet, spec)
    assert np.abs(removed).max() < 1e-4
    kept = msgspec.structs.replace(spec, level="kept", deviation=(2.0,) * spec.shape[1])
    assert sound_features(loud, kept) - sound_features(quiet, kept) == pytest.approx(1.5, abs=1e-4)
