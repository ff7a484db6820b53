"""Speech models become packs: features as the device or as librosa computes them."""

from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from converter.importing.build import Request, import_model
from converter.importing.original import ModelImportError
from converter.importing.sentence import read_sentence
from converter.importing.sound_input import find_sound
from edge.perception.features import log_mel, sound_features
from edge.perception.manifest import SoundInput
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner
from edge.values import SAMPLE_RATE_HZ, Sound

FRAMES, BANDS = 60, 16
SENTENCE = f"{FRAMES}x{BANDS} log_mel db slaney window=64ms hop=16ms"
LABELS = "angry,sad"


def _network(shape: tuple[int, ...]) -> keras.Model:
    """Returns a network that calls high voices angry and low ones sad, of decibels."""
    sound = keras.Input(shape)
    bands_first = shape[:2] == (BANDS, FRAMES)
    frames = keras.layers.Reshape(shape[:2])(sound)
    frames = keras.layers.Permute((2, 1))(frames) if bands_first else frames
    means = keras.layers.GlobalAveragePooling1D()(keras.layers.ReLU()(frames + 90.0))
    dense = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(sound, dense(means))
    high = np.repeat([-1.0, 1.0], BANDS // 2) / BANDS
    dense.set_weights([np.stack([high, -high], axis=1), np.zeros(2)])
    return model


def _tone(frequency_hz: float, rng: np.random.Generator) -> Sound:
    seconds = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * frequency_hz * seconds) + rng.normal(0, 0.01, len(seconds))
    return np.asarray(8000 * tone, np.int16)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for label, frequency_hz in (("angry", 5000), ("sad", 400)):
        for split in ("train", "test"):
            (root / split / label).mkdir(parents=True)
            for number in range(3):
                path = root / split / label / f"{number}.wav"
                soundfile.write(path, _tone(frequency_hz + 50 * number, rng), SAMPLE_RATE_HZ)
    return root


@pytest.mark.parametrize(
    "shape", [(FRAMES, BANDS), (FRAMES, BANDS, 1), (BANDS, FRAMES), (BANDS, FRAMES, 1)]
)
def test_a_spectrogram_in_any_order_becomes_a_pack_that_hears_the_same(
    shape: tuple[int, ...], sounds: Path, tmp_path: Path
) -> None:
    _network(shape).save(tmp_path / "voice.keras")
    found = import_model(
        Request(
            model=tmp_path / "voice.keras",
            modality="speech",
            labels=LABELS,
            input=SENTENCE,
            data=[sounds],
            folder=tmp_path / "packs",
        )
    )
    assert [row.accuracy for row in found.rows] == [1.0, 1.0, 1.0]
    assert found.rows[-1].agreement == 1.0
    pack = load_pack(found.manifest_path)
    assert isinstance(pack.manifest.input, SoundInput)
    assert pack.manifest.input.level == "kept"
    run = sample_runner(pack)
    assert all(one.deviation(run(one)) <= one.tolerance for one in pack.manifest.checks)


def test_mel_bands_equal_those_of_librosa() -> None:
    spec, _ = find_sound(
        Path("model"),
        (1, 3, 6),
        read_sentence("3x6 log_mel db slaney window=64ms hop=16ms", "speech"),
    )
    assert isinstance(spec, SoundInput)
    samples = np.arange(1024 + 2 * 256)
    sound = np.asarray(8000 * np.sin(samples**2 / 900), np.int16)
    # power_to_db(feature.melspectrogram(y=sound / 32768, sr=16000, n_fft=1024, hop_length=256,
    # center=False, n_mels=6, fmin=0, fmax=8000), top_db=None) of librosa 0.11.0
    expected = [
        [-18.134, -8.355, -1.479, 2.962, 2.801, -6.347],
        [-87.141, -74.604, -28.78, -7.343, 2.077, 1.18],
        [-86.117, -84.769, -85.086, -45.611, -6.851, 2.289],
    ]
    # A device hears nothing below -80 dB.
    found = np.maximum(sound_features(log_mel(sound, spec), spec), -80)
    assert found == pytest.approx(np.maximum(expected, -80), abs=1e-3)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("", "its input is 16000; expected frames x coefficients of sound"),
        ("60x16 log_mel db", "its input is 16000, --input says 60x16; .* cut it after its spectro"),
    ],
)
def test_a_model_of_samples_of_sound_is_refused_with_what_to_do(
    sentence: str, message: str, tmp_path: Path
) -> None:
    wave = keras.Input((16000,))
    keras.Model(wave, keras.layers.Dense(2)(wave)).save(tmp_path / "wave.keras")
    request = Request(
        model=tmp_path / "wave.keras",
        modality="speech",
        labels=LABELS,
        input=sentence,
        folder=tmp_path,
    )
    with pytest.raises(ModelImportError, match=message):
        import_model(request)


def test_a_published_set_with_other_labels_gives_the_agreement(
    sounds: Path, tmp_path: Path
) -> None:
    for number in range(2):  # own recordings: SPEAKER/EMOTION/
        folder = tmp_path / "voices" / f"speaker{number}" / "happy"
        folder.mkdir(parents=True)
        rng = np.random.default_rng(number)
        for take, frequency_hz in enumerate((500, 3000)):
            sound = _tone(frequency_hz, rng)
            soundfile.write(folder / f"{take}.wav", sound, SAMPLE_RATE_HZ)
            other = folder.parent / "neutral"
            other.mkdir(exist_ok=True)
            soundfile.write(other / f"{take}.wav", sound[::-1], SAMPLE_RATE_HZ)
    _network((FRAMES, BANDS)).save(tmp_path / "voice.keras")
    found = import_model(
        Request(
            model=tmp_path / "voice.keras",
            modality="speech",
            labels=LABELS,
            input=SENTENCE,
            data=[tmp_path / "voices"],
            folder=tmp_path / "packs",
        )
    )
    assert found.rows[-1].accuracy is None
    assert any("none of its labels is one of the model's" in note for note in found.notes)
