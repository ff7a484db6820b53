import numpy as np
import pytest

from edge.capture.media import read_sound
from edge.config import Models
from edge.emotions import EMOTIONS
from edge.errors import ModelError
from edge.observation import SAMPLE_RATE_HZ, AudioBlock, Observation, Sound, TextMessage
from edge.service.models import ModelShelf
from tests.support import HAPPY_CLIP


@pytest.fixture(scope="module")
def shelf() -> ModelShelf:
    return ModelShelf(Models())


def _hear(shelf: ModelShelf, sound: Sound, block: int = 800) -> list[Observation]:
    speech = shelf.new_speech()
    observations = []
    for start in range(0, len(sound), block):
        samples = sound[start : start + block]
        ended_s = (start + len(samples)) / SAMPLE_RATE_HZ
        observations += speech.hear(AudioBlock(samples, ended_s))
    return observations


def test_a_voice_is_observed_at_most_every_half_second(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    times = [one.captured_s for one in _hear(shelf, sound)]
    assert len(times) >= 2
    assert min(np.diff(times)) >= 0.5 - 1e-9
    assert times[-1] <= len(sound) / SAMPLE_RATE_HZ


def test_the_size_of_sound_blocks_does_not_matter(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    small, large = _hear(shelf, sound, 123), _hear(shelf, sound, len(sound))
    assert len(small) == len(large)
    for one, other in zip(small, large, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities)
        assert one.captured_s == pytest.approx(other.captured_s, abs=0.02)


def test_the_last_observation_of_an_utterance_pools_all_its_windows(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    whole = shelf.new_speech().hear_all(sound)
    assert whole is not None
    assert _hear(shelf, sound)[-1].native == pytest.approx(whole.native, abs=2e-3)


def test_a_recording_is_heard_alike_again_and_again(shelf: ModelShelf) -> None:
    sound, speech = read_sound(HAPPY_CLIP), shelf.new_speech()
    first, second = speech.hear_all(sound), speech.hear_all(sound)
    assert first is not None
    assert second is not None
    assert first.native == second.native


def test_an_utterance_knows_nothing_of_the_one_before_sound_was_lost(shelf: ModelShelf) -> None:
    sound = read_sound(HAPPY_CLIP)
    duration_s = len(sound) / SAMPLE_RATE_HZ
    alone = _hear(shelf, sound)
    speech = shelf.new_speech()
    speech.hear(AudioBlock(sound[: len(sound) // 2], duration_s / 2))
    again = speech.hear(AudioBlock(sound, 60.0))
    assert again[-1].native == pytest.approx(alone[-1].native, abs=0.02)


def test_a_recording_without_a_voice_says_nothing(shelf: ModelShelf) -> None:
    noise = np.random.default_rng(0).normal(0, 30, 25 * SAMPLE_RATE_HZ)
    assert shelf.new_speech().hear_all(noise.astype(np.int16)) is None


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I am so happy about this!", "happy"),
        ("this is disgusting", "disgust"),
        ("I hate you, you make me so angry", "angry"),
        ("the table is made of wood", "neutral"),
    ],
)
def test_plain_texts_are_read_as_people_read_them(
    shelf: ModelShelf, text: str, emotion: str
) -> None:
    read = shelf.text.read(TextMessage(text, 5.0))
    assert EMOTIONS[int(read.probabilities.argmax())] == emotion
    assert read.captured_s == 5.0


def test_a_text_without_emotion_or_with_one_word_counts_less(shelf: ModelShelf) -> None:
    def quality_of(text: str) -> float:
        return shelf.text.read(TextMessage(text, 0.0)).quality

    full = quality_of("I am so happy about this!")
    assert quality_of("happy") < full
    assert quality_of("the table is made of wood") < full
    assert quality_of("") == 0


def test_a_pack_of_another_modality_is_refused() -> None:
    models = Models(text=Models().text.__class__(model="speech.json"))
    with pytest.raises(ModelError, match="this is a speech model, a text model was expected"):
        _ = ModelShelf(models).text
