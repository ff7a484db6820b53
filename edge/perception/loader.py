"""Loads the models that the configuration names, for the daemon and the commands."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from edge.config import Models
from edge.errors import ModelError
from edge.installed import InstalledFiles
from edge.perception.classifier import Classifier
from edge.perception.delegate import delegate_of
from edge.perception.detector import Detector, Face, open_detector
from edge.perception.face import FacePerception
from edge.perception.face_tracker import FaceTracker
from edge.perception.features import Pixels
from edge.perception.manifest import Modality
from edge.perception.pack import Pack, load_pack
from edge.perception.speech import SpeechPerception
from edge.perception.text import TextPerception
from edge.perception.trial import Trials, remembered_trials


@dataclass(frozen=True)
class ModelLoader:
    """The packs of one configuration, each loaded on first use.

    A file that is `installed` takes the place of the file of that name in `models.folder`. Each
    pack is tried in another process first: a damaged model can end the process that runs it. Every
    access raises ModelError if a pack is missing, damaged or of another modality.
    """

    config: Models
    trials: Trials = field(default_factory=remembered_trials)
    installed: InstalledFiles | None = None

    @property
    def folder(self) -> Path:
        """Folder of the packs."""
        return Path(self.config.folder)

    def path(self, name: str) -> Path:
        """Returns where the file with this name is."""
        if self.is_installed(name):
            assert self.installed is not None
            return self.installed.folder / name
        return self.folder / name

    def is_installed(self, name: str) -> bool:
        """Returns whether a file comes from an installed bundle."""
        return self.installed is not None and name in self.installed.sha256

    def sha256(self, name: str) -> str:
        """Returns the hash that was signed for the file with this name; empty if none was."""
        return "" if self.installed is None else self.installed.sha256.get(name, "")

    def manifests(self, modality: Modality) -> list[Path]:
        """Returns the manifests of the packs that a modality needs."""
        return [self.path(name) for name in self.config.manifests([modality])]

    def new_face(self) -> FacePerception:
        """Creates a face perception without tracked faces; all share one detector."""
        self.trials.check(self.manifests("face"))  # both in one process
        face = self.config.face
        detector, least_px = self.detector, face.min_face_px

        def detect(pixels: Pixels) -> list[Face]:
            found = detector.detect(pixels)
            return [one for one in found if one.box[2] - one.box[0] >= least_px]

        tracker = FaceTracker(
            detect, face.detect_every, face.max_faces, face.keep_subject_s, face.rest_interval_s
        )
        return FacePerception(tracker, self._face_classifier)

    @cached_property
    def detector(self) -> Detector:
        """The configured face detector."""
        pack = self.load(self.config.face.detector_model, "detector")
        return open_detector(pack, self.config.face.min_detection_score)

    @cached_property
    def _face_classifier(self) -> Classifier:
        return self._classifier(self.config.face.model, "face")

    def new_speech(self) -> SpeechPerception:
        """Creates a speech perception without pending sound."""
        speech = self.config.speech
        return SpeechPerception(
            self._speech_classifier, speech.min_voice_probability, speech.min_voice_s
        )

    @cached_property
    def _speech_classifier(self) -> Classifier:
        return self._classifier(self.config.speech.model, "speech")

    @cached_property
    def text(self) -> TextPerception:
        """The text perception."""
        return TextPerception(self._classifier(self.config.text.model, "text"))

    def _classifier(self, name: str, modality: Modality) -> Classifier:
        return Classifier(self.load(name, modality), self.config.threads)

    def load(self, name: str, modality: str) -> Pack:
        """Loads the pack whose manifest file has this name; it must be of that modality."""
        path = self.path(name)
        self.trials.check([path])
        pack = load_pack(path, self.sha256(name))
        if pack.manifest.modality != modality:
            raise ModelError(
                f"{path}: this is a {pack.manifest.modality} model, a {modality} model was expected"
            )
        return msgspec.structs.replace(pack, delegate=delegate_of(path, self.config.delegate))
