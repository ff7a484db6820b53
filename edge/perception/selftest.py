"""Runs a pack on its check samples, including feature extraction."""

from collections.abc import Callable, Sequence

from edge.emotions import DIGITS
from edge.perception.check_sample import Answer, CheckSample
from edge.perception.classifier import Classifier
from edge.perception.detector import Detector, open_detector
from edge.perception.features import image_features, log_mel, sound_features
from edge.perception.interpreter import Features
from edge.perception.manifest import ImageInput, InputSpec, SoundInput
from edge.perception.pack import Pack
from edge.perception.synthetic import SIDE_PX, draw_face, hum
from edge.perception.text_features import text_windows

MIN_SCORE = 0.05
"""Minimum score of a detected face."""
BOX = ("left", "top", "right", "bottom")


def sample_runner(pack: Pack, threads: int = 1) -> Callable[[CheckSample], Answer]:
    """Returns a function that runs the pack on a sample; not thread-safe. Raises ModelError."""
    if pack.manifest.modality == "detector":
        detector = open_detector(pack, MIN_SCORE)
        return lambda sample: _detect(detector, sample)
    classifier, spec = Classifier(pack, threads), pack.manifest.input
    return lambda sample: _rounded(classifier.classify(*_windows(sample, spec)).native)


def _windows(sample: CheckSample, spec: InputSpec) -> Sequence[Features]:
    if isinstance(spec, ImageInput):
        return [image_features(draw_face(sample.seed), spec)]
    if isinstance(spec, SoundInput):
        return [sound_features(log_mel(hum(sample.seed, spec.duration_s), spec), spec)]
    return text_windows(sample.text, spec)


def _detect(detector: Detector, sample: CheckSample) -> Answer:
    faces = detector.detect(draw_face(sample.seed))
    best = max(faces, key=lambda face: face.score, default=None)
    if best is None:
        return {"score": 0.0}
    box = dict(zip(BOX, (best.box / SIDE_PX).tolist(), strict=True))
    return _rounded({"score": best.score, **box})


def _rounded(answer: Answer) -> Answer:
    return {name: round(number, DIGITS) for name, number in answer.items()}
