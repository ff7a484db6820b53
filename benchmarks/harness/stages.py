"""Stages of a sample's way: each is prepared once, then processes sample after sample."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pymicro_vad import MicroVad

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.kernels import Ears, Eyes
from benchmarks.harness.scenes import empty_room
from edge.capture.media import read_frames, read_sound
from edge.config import Camera, Fusion, Models, Tracking
from edge.fusion.model import load_fusion
from edge.perception.loader import ModelLoader
from edge.perception.pack import load_pack
from edge.perception.trial import Trials
from edge.perception.voice import FRAME_SAMPLES
from edge.resources import MODELS
from edge.tracking.tracker import Tracker
from edge.values import SAMPLE_RATE_HZ, AudioBlock, Frame, Observation, Sound, TextMessage

HALF_SECOND = SAMPLE_RATE_HZ // 2
SPOKEN = "Don't forget a jacket"
FEW = 4
"""Pictures of an empty room: an emulator takes long to draw them."""
Action = Callable[[int], object]
"""Processes the sample with a number."""


class _Untried(Trials):
    """Runs packs without a trial: an emulator cannot start processes of a foreign processor."""

    def __init__(self) -> None:
        super().__init__(None)

    def check(self, paths: Sequence[Path]) -> None:
        pass


def _loader() -> ModelLoader:
    return ModelLoader(Models(), _Untried())


def _frames() -> list[Frame]:
    return list(read_frames(HAPPY_CLIP, Camera().fps))


def _again(frames: list[Frame], index: int) -> Frame:
    """Returns the pictures again and again, at a time of their own."""
    return Frame(frames[index % len(frames)].pixels, index / Camera().fps)


def _model(name: str) -> Action:
    interpreter = load_pack(MODELS / f"{name}.json").open()
    features = interpreter.blank
    return lambda index: interpreter.run(features)


def the_detectors_model() -> Action:
    """One detection's network, short range."""
    return _model("detector-short")


def the_face_model() -> Action:
    """One face's network."""
    return _model("face")


def the_speech_model() -> Action:
    """One window's network."""
    return _model("speech")


def the_text_model() -> Action:
    """One window's network, always 48 word pieces."""
    return _model("text")


def the_voice_detector() -> Action:
    """Half a second of sound."""
    detector, sound = MicroVad(), read_sound(HAPPY_CLIP)

    def listen(index: int) -> None:
        for frame in _half_second(sound, index).reshape(-1, FRAME_SAMPLES):
            detector.process_10ms(frame.tobytes())

    return listen


def kernels_of_a_picture() -> Action:
    """Detect, crop, classify."""
    frames, eyes = _frames(), Eyes(_loader())
    return lambda index: eyes(_again(frames, index))


def a_picture() -> Action:
    """The same in the daemon, with face tracker and quality."""
    frames, perception = _frames(), _loader().new_face()
    return lambda index: perception.perceive(_again(frames, index))


def an_empty_picture() -> Action:
    """A picture of an empty room."""
    pictures, perception = empty_room(FEW)[0], _loader().new_face()
    frames = [Frame(one, 0.0) for one in pictures]
    return lambda index: perception.perceive(_again(frames, index))


def kernels_of_half_a_second() -> Action:
    """Voice detector, mel bands, and the speech model if there is a voice."""
    sound, ears = read_sound(HAPPY_CLIP), Ears(_loader())
    return lambda index: ears(_half_second(sound, index))


def _half_second(sound: Sound, index: int) -> Sound:
    return np.roll(sound, -index * HALF_SECOND)[:HALF_SECOND]


def _hearing(sound: Sound) -> Action:
    perception = _loader().new_speech()
    return lambda index: perception.perceive(
        AudioBlock(_half_second(sound, index), (index + 1) / 2)
    )


def half_a_second_of_voice() -> Action:
    """The same in the daemon."""
    return _hearing(read_sound(HAPPY_CLIP))


def half_a_second_of_silence() -> Action:
    """Sound of a quiet room."""
    return _hearing(empty_room(FEW)[1])


def a_text() -> Action:
    """Four words: n-grams, word pieces, model."""
    perception = _loader().text
    return lambda index: perception.perceive(TextMessage(SPOKEN, index / 2))


def a_decision() -> Action:
    """Fuse and track a face beside a voice."""
    frames, perception = _frames(), _loader().new_face()
    sighting = perception.perceive(frames[0])
    fusion = load_fusion(MODELS / "fusion.json")
    tracker = Tracker(Tracking(), Fusion(), fusion, 0.0)
    probabilities = np.full(7, 1 / 7, np.float32)

    def decide(index: int) -> None:
        now_s = index / Camera().fps
        if not index % 15:
            tracker.observe(Observation("speech", 0, now_s, probabilities, 0.5), now_s)
        face = sighting.observations[0]
        seen = Observation("face", face.subject, now_s, face.probabilities, face.quality)
        tracker.observe(type(sighting)((seen,), 1, now_s, face.subject, sighting.tracked), now_s)
        tracker.pass_time(now_s)

    return decide


STAGES: dict[str, Callable[[], Action]] = {
    one.__name__.replace("_", " "): one
    for one in (
        the_detectors_model,
        the_face_model,
        the_speech_model,
        the_text_model,
        the_voice_detector,
        kernels_of_a_picture,
        a_picture,
        an_empty_picture,
        kernels_of_half_a_second,
        half_a_second_of_voice,
        half_a_second_of_silence,
        a_text,
        a_decision,
    )
}
