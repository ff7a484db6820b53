"""`emotiond predict`: runs the daemon's own perception on files and texts."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import msgspec

from edge.capture.media import PICTURES, SOUNDS, VIDEOS, read_frames, read_picture, read_sound
from edge.capture.turning import turned
from edge.commands.terminal import table
from edge.config import Config
from edge.emotions import DIGITS, Emotion, by_emotion
from edge.errors import MissingExtraError, SourceError
from edge.fusion.model import FusionModel, load_fusion
from edge.fusion.pooling import STRATEGIES, fuse, pool
from edge.perception.loader import ModelLoader
from edge.values import (
    UNKNOWN_SUBJECT,
    Belief,
    Frame,
    Observation,
    TextMessage,
)


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The prediction of one modality, or of all fused, for one input."""

    input: str
    modality: str
    subject: int
    emotion: Emotion
    confidence: float
    probabilities: dict[Emotion, float]
    native: dict[str, float]


class Failure(msgspec.Struct, frozen=True):
    """An input that could not be read, with the reason."""

    input: str
    error: str


Result = Prediction | Failure


class Predictor:
    """Reads files as the daemon reads its devices, and loads each model when it is first needed.

    With `cropped`, pictures are face crops, and faces are not detected.
    """

    def __init__(self, config: Config, cropped: bool = False) -> None:
        self._config, self._cropped = config, cropped
        self._loader = ModelLoader(config.models)

    def paths(self, paths: Iterable[Path]) -> Iterator[Result]:
        """Yields the results of files, and of all media files in folders, in order.

        Raises ModelError if a required model cannot be used.
        """
        for path in paths:
            if path.is_dir():
                known = PICTURES | SOUNDS | VIDEOS
                files = [one for one in sorted(path.rglob("*")) if one.suffix.lower() in known]
                if not files:
                    yield _failure(path, "no picture, sound or video in this folder")
            else:
                files = [path]
            for file in files:
                yield from self._file(file)

    def texts(self, texts: Iterable[tuple[str, str]]) -> Iterator[Result]:
        """Yields the results of texts, each given as the name of its input and the text."""
        for name, text in texts:
            yield _prediction(name, self._loader.text.perceive(TextMessage(text, 0.0)))

    def text_file(self, file: Path) -> Iterator[Result]:
        """Yields the results of a file with one text per line; each input is called FILE:LINE."""
        try:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    name = f"{_printable(file)}:{number}"
                    try:
                        yield from self.texts([(name, line.decode("utf-8").rstrip("\r\n"))])
                    except UnicodeDecodeError as error:
                        yield _failure(name, f"{name}: not UTF-8 (byte {error.start})")
        except OSError as error:
            yield _failure(file, f"{file}: cannot read it ({error.strerror})")

    def observations(self, path: Path) -> Iterator[Observation | Failure]:
        """Yields one observation for each modality of a file, pooled over its length.

        Raises SourceError if it has none, ModelError if a model cannot be used.
        """
        suffix = path.suffix.lower()
        if suffix in PICTURES:
            yield self._picture(path)
        elif suffix in SOUNDS:
            yield self._sound(path)
        else:
            yield from self._video(path)

    def _file(self, path: Path) -> Iterator[Result]:
        name = _printable(path)
        observations: list[Observation] = []
        try:
            for found in self.observations(path):
                if isinstance(found, Failure):
                    yield found
                else:
                    observations.append(found)
                    yield _prediction(name, found)
        except SourceError as error:
            yield _failure(path, error)
        if len(observations) > 1:
            fusion = self._config.fusion
            strategy = STRATEGIES[fusion.strategy]
            belief = fuse(observations, strategy, self._fusion_model, 0.0, fusion.half_life_s)
            yield _prediction(
                name, Observation("fused", UNKNOWN_SUBJECT, 0.0, belief.probabilities, 1.0)
            )

    def _picture(self, path: Path) -> Observation:
        pixels = read_picture(path)
        frame = Frame(pixels, 0.0)
        if self._cropped:
            return self._loader.new_face().perceive_crop(frame)
        observation = self._loader.new_face().perceive(frame).primary
        if observation is None:
            raise SourceError(f"{path}: no face in it; for face crops use --cropped")
        return observation

    def _sound(self, path: Path) -> Observation:
        sound = read_sound(path)
        observation = self._loader.new_speech().perceive_recording(sound)
        if observation is None:
            raise SourceError(f"{path}: no voice in it")
        return observation

    def _video(self, path: Path) -> Iterator[Observation | Failure]:
        """Yields the face and the speech of a video; raises SourceError if it has neither."""
        missing = []
        try:
            yield self._main_face(path)
        except SourceError as error:
            missing.append(str(error))
        try:
            yield self._sound(path)
        except MissingExtraError as error:
            yield _failure(path, error)
        except SourceError as error:
            missing.append(str(error))
        if len(missing) == 2:
            raise SourceError("; ".join(missing))

    def _main_face(self, path: Path) -> Observation:
        """Pools the subject that is primary in most frames of a video; raises SourceError."""
        perception, camera = self._loader.new_face(), self._config.camera
        by_subject: dict[int, list[Observation]] = {}
        for frame in read_frames(path, camera.fps):
            if (primary := perception.perceive(turned(frame, camera)).primary) is not None:
                by_subject.setdefault(primary.subject, []).append(primary)
        if not by_subject:
            raise SourceError(f"{path}: no face in it")
        return replace(pool(max(by_subject.values(), key=len)), captured_s=0.0)

    @cached_property
    def _fusion_model(self) -> FusionModel:
        return load_fusion(self._loader.folder / self._config.fusion.file)


def print_results(results: Iterable[Result], as_json: bool) -> bool:
    """Prints one JSON object per result, or a table, with failures on stderr.

    Returns True if every input could be read.
    """
    succeeded = True
    rows: list[tuple[str, ...]] = []
    try:
        for result in results:
            succeeded &= not isinstance(result, Failure)
            if as_json:
                print(msgspec.json.encode(result).decode(), flush=True)
            elif isinstance(result, Failure):
                print(f"emotiond: {result.error}", file=sys.stderr)
            else:
                confidence = f"{result.confidence:.2f}"
                rows.append((result.input, result.modality, result.emotion, confidence))
    finally:
        if rows:
            print(table(("input", "modality", "emotion", "confidence"), rows))
    return succeeded


def _printable(text: object) -> str:
    """Returns a text for JSON, with question marks for bytes of a path that are not UTF-8."""
    return str(text).encode("utf-8", "replace").decode()


def _failure(source: Path | str, reason: Exception | str) -> Failure:
    return Failure(_printable(source), _printable(reason))


def _prediction(name: str, observation: Observation) -> Prediction:
    belief = Belief(observation.probabilities, {observation.modality: 1.0}, 0.0)
    return Prediction(
        input=name,
        modality=observation.modality,
        subject=observation.subject,
        emotion=belief.emotion,
        confidence=round(belief.confidence, DIGITS),
        probabilities=by_emotion(belief.probabilities),
        native={label: round(p, DIGITS) for label, p in observation.native.items()},
    )
