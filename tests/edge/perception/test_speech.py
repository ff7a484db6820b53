import msgspec
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_sound
from edge.perception.classifier import Classifier
from edge.perception.loader import ModelLoader
from edge.perception.pack import load_pack
from edge.perception.quality import UNFAMILIAR
from edge.perception.speech import SpeechPerception
from edge.resources import MODELS
from edge.values import SAMPLE_RATE_HZ, AudioBlock, Observation, Sound


def _hear(loader: ModelLoader, sound: Sound, block: int = 800) -> list[Observation]:
    speech = loader.new_speech()
    observations = []
    for start in range(0, len(sound), block):
        samples = sound[start : start + block]
        ended_s = (start + len(samples)) / SAMPLE_RATE_HZ
        observations += speech.perceive(AudioBlock(samples, ended_s))
    return observations


def test_a_voice_is_observed_at_most_every_half_second(loader: ModelLoader) -> None:
    sound = read_sound(HAPPY_CLIP)
    times = [one.captured_s for one in _hear(loader, sound)]
    assert len(times) >= 2
    assert min(np.diff(times)) >= 0.5 - 1e-9
    assert times[-1] <= len(sound) / SAMPLE_RATE_HZ


def test_the_size_of_sound_blocks_does_not_matter(loader: ModelLoader) -> None:
    sound = read_sound(HAPPY_CLIP)
    small, large = _hear(loader, sound, 123), _hear(loader, sound, len(sound))
    assert len(small) == len(large)
    for one, other in zip(small, large, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities)
        assert one.captured_s == pytest.approx(other.captured_s, abs=0.02)


def test_the_last_observation_of_an_utterance_pools_all_its_windows(loader: ModelLoader) -> None:
    sound = read_sound(HAPPY_CLIP)
    whole = loader.new_speech().perceive_recording(sound)
    assert whole is not None
    assert _hear(loader, sound)[-1].native == pytest.approx(whole.native, abs=2e-3)


def test_a_recording_is_heard_alike_again_and_again(loader: ModelLoader) -> None:
    sound, speech = read_sound(HAPPY_CLIP), loader.new_speech()
    first, second = speech.perceive_recording(sound), speech.perceive_recording(sound)
    assert first is not None
    assert second is not None
    assert first.native == second.native


def test_a_voice_unlike_those_that_the_model_knows_has_less_quality() -> None:
    pack, sound = load_pack(MODELS / "speech.json"), read_sound(HAPPY_CLIP)
    qualities = []
    for bounds in ((0.0, 0.01), (1000.0, 2000.0)):
        manifest = msgspec.structs.replace(pack.manifest, familiarity=bounds)
        classifier = Classifier(msgspec.structs.replace(pack, manifest=manifest))
        heard = SpeechPerception(classifier, 0.5, 0.5).perceive_recording(sound)
        assert heard is not None
        qualities.append(heard.quality)
    assert qualities[1] == pytest.approx(UNFAMILIAR * qualities[0])


def test_an_utterance_knows_nothing_of_the_one_before_sound_was_lost(loader: ModelLoader) -> None:
    sound = read_sound(HAPPY_CLIP)
    duration_s = len(sound) / SAMPLE_RATE_HZ
    alone = _hear(loader, sound)
    speech = loader.new_speech()
    speech.perceive(AudioBlock(sound[: len(sound) // 2], duration_s / 2))
    again = speech.perceive(AudioBlock(sound, 60.0))
    assert again[-1].native == pytest.approx(alone[-1].native, abs=0.02)


def test_a_recording_without_a_voice_gives_no_observation(loader: ModelLoader) -> None:
    noise = np.random.default_rng(0).normal(0, 30, 25 * SAMPLE_RATE_HZ)
    assert loader.new_speech().perceive_recording(noise.astype(np.int16)) is None
