"""The models of one configuration, shared by threads."""

from collections.abc import Sequence
from functools import cached_property
from threading import Lock

from edge.config import Config
from edge.fusion.model import FusionModel, load_fusion
from edge.fusion.pooling import STRATEGIES, fuse
from edge.perception.face import FacePerception
from edge.perception.loader import ModelLoader
from edge.perception.speech import SpeechPerception
from edge.values import (
    MODALITIES,
    AudioBlock,
    Belief,
    Frame,
    Observation,
    Sighting,
    Sound,
    TextMessage,
)


class SharedModels:
    """Runs each model for one thread at a time, and loads it when it is first needed.

    An interpreter of LiteRT is not thread-safe, hence a lock for each modality. Every method
    raises ModelError if a model is missing or damaged.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._loader = ModelLoader(config.models)
        self._locks = {modality: Lock() for modality in MODALITIES}

    def new_face(self) -> FacePerception:
        """Creates a face perception, to be handed to `see`."""
        with self._locks["face"]:
            return self._loader.new_face()

    def see(self, perception: FacePerception, frame: Frame) -> Sighting:
        """Returns the expressions in the next frame."""
        with self._locks["face"]:
            return perception.perceive(frame)

    def crop(self, frame: Frame) -> Observation:
        """Returns the expression of a picture that is a face crop already."""
        perception = self.new_face()
        with self._locks["face"]:
            return perception.perceive_crop(frame)

    def new_speech(self) -> SpeechPerception:
        """Creates a speech perception, to be handed to `hear`."""
        with self._locks["speech"]:
            return self._loader.new_speech()

    def hear(self, perception: SpeechPerception, block: AudioBlock) -> list[Observation]:
        """Returns an observation for each window of voice that a block completes."""
        with self._locks["speech"]:
            return perception.perceive(block)

    def voice(self, recording: Sound) -> Observation | None:
        """Returns the observation of a whole recording, None without a voice."""
        perception = self.new_speech()
        with self._locks["speech"]:
            return perception.perceive_recording(recording)

    def words(self, text: str, received_s: float = 0.0) -> Observation:
        """Returns the observation of a text."""
        with self._locks["text"]:
            return self._loader.text.perceive(TextMessage(text, received_s))

    def fuse(self, observations: Sequence[Observation]) -> Belief:
        """Fuses observations of one person and moment."""
        fusion = self.config.fusion
        strategy = STRATEGIES[fusion.strategy]
        return fuse(observations, strategy, self.fusion, 0.0, fusion.half_life_s)

    @cached_property
    def fusion(self) -> FusionModel:
        """What fusion learned; raises ModelError."""
        fusion = self.config.fusion
        return load_fusion(self._loader.folder / fusion.file, fusion.strategy)
