"""`emotiond predict`: runs the Python API on files and texts."""

import logging
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from edge.capture.decoder import ContainedDecoder
from edge.capture.files import form_of
from edge.capture.folders import media_files
from edge.capture.kinds import is_animation, kind_of
from edge.commands.terminal import table
from edge.config import Config
from edge.emotions import Emotion
from edge.errors import NotFoundError, SourceError
from edge.values import UNKNOWN_SUBJECT, Box
from emotiond import Emotions, Result
from emotiond.reader import no_face

log = logging.getLogger(__name__)


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The prediction of one modality, or of all fused, for one input."""

    input: str
    modality: str
    subject: int
    emotion: Emotion | Literal["unknown"]
    """`unknown` only if fused, below `tracking.min_confidence`."""
    confidence: float
    probabilities: dict[Emotion, float]
    native: dict[str, float]
    valence: float
    """From -1, unpleasant, to 1, pleasant."""
    arousal: float
    """From -1, calm, to 1, excited."""
    box: Box | None = None
    """Of a face that was found in a picture."""
    primary: bool | None = None
    """In a picture: True for the face that the device would follow."""


class Failure(msgspec.Struct, frozen=True):
    """An input that could not be read, with the reason."""

    input: str
    error: str


class Predictor:
    """Reads files as the daemon reads its devices, and loads each model when it is first needed.

    With `cropped`, pictures are face crops, and faces are not detected. Use it as a context
    manager, which ends the process that decodes files.
    """

    def __init__(self, config: Config, cropped: bool = False) -> None:
        self._config, self._cropped = config, cropped
        self._decoder = ContainedDecoder(config.files)
        self._emotions = Emotions(config=config, decoder=self._decoder)

    def __enter__(self) -> "Predictor":
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def paths(self, paths: Iterable[Path]) -> Iterator[Prediction | Failure]:
        """Yields the results of files, and of all media files in folders, in order.

        Raises ModelError if a required model cannot be used, InstallationError if no file can be
        decoded.
        """
        for path in map(_itself, paths):
            if form_of(path) != stat.S_IFDIR:
                yield from self._file(path)
                continue
            folder = media_files(path)
            for unread, error in folder.unread:
                yield _failure(unread, error)
            if not folder.files and not folder.unread:
                yield _failure(path, f"{path}: no picture, sound or video in this folder")
            if folder.skipped:
                log.warning("%s: skipped %s", _printable(path), folder.skipped)
            for file in folder.files:
                yield from self._file(file)

    def texts(self, texts: Iterable[tuple[str, str]]) -> Iterator[Prediction | Failure]:
        """Yields the results of texts, each given as the name of its input and the text."""
        for name, text in texts:
            yield _prediction(name, self._emotions.text(text))

    def text_file(self, file: Path) -> Iterator[Prediction | Failure]:
        """Yields the results of a file with one text per line; each input is called FILE:LINE."""
        try:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    name = f"{_printable(file)}:{number}"
                    try:
                        text = line.decode("utf-8" if number > 1 else "utf-8-sig")
                        yield from self.texts([(name, text.rstrip("\r\n"))])
                    except UnicodeDecodeError as error:
                        yield _failure(name, f"{name}: not UTF-8 (byte {error.start})")
        except OSError as error:
            yield _failure(file, f"{file}: cannot read it ({error.strerror})")

    def fused(
        self, image: Path | None, sound: Path | None, text: str | None
    ) -> Iterator[Prediction | Failure]:
        """Yields the results of a picture, a sound and a text of one person, and of all fused."""
        image, sound = (None if one is None else _itself(one) for one in (image, sound))
        named = {"face": image, "speech": sound, "text": None if text is None else "text"}
        given = {modality: str(name) for modality, name in named.items() if name is not None}
        together = " + ".join(given.values())
        try:
            fused = self._emotions.fuse(image=image, sound=sound, text=text)
        except SourceError as error:
            yield _failure(together, error)
            return
        found = {part.modality: part for part in fused.parts}
        for modality, name in given.items():
            if (part := found.get(modality)) is not None:
                yield _prediction(_printable(name), part)
            else:
                reason = "no voice in it" if modality == "speech" else self._no_face
                yield _failure(name, f"{name}: {reason}")
        yield _prediction(_printable(together), fused)

    @property
    def _no_face(self) -> str:
        return no_face(self._config.models.face)

    def _file(self, path: Path) -> Iterator[Prediction | Failure]:
        try:
            for found in self._results(path):
                if isinstance(found, str):
                    yield _failure(path, found)
                elif isinstance(found, Prediction):
                    yield found
                else:
                    yield _prediction(_printable(path), found)
        except SourceError as error:
            yield _failure(path, error)

    def _results(self, path: Path) -> Iterator[Prediction | Result | str]:
        """Yields the results of a file, and why a part of it could not be read."""
        kind = kind_of(path)
        if kind == "text":
            raise SourceError(
                f"{path}: a text, not a picture, sound or video; for texts use --text-file"
            )
        if kind == "picture":
            yield from self._picture(path)
        elif kind == "sound":
            yield self._sound(path)
        else:
            clip = self._emotions.clip(path, timeline=False)
            yield from clip.fused.parts
            if clip.incomplete is not None:
                yield clip.incomplete
            if len(clip.fused.parts) > 1:
                yield clip.fused

    def _picture(self, path: Path) -> Iterator[Prediction]:
        """Yields every face, the primary one first."""
        faces = self._emotions.image(path, cropped=self._cropped)
        if is_animation(path):
            log.warning("%s: of this animation only the first picture was read", _printable(path))
        if not faces:
            raise NotFoundError(f"{path}: {self._no_face}; for face crops use --cropped")
        for place, face in enumerate(faces):
            yield msgspec.structs.replace(_prediction(_printable(path), face), primary=not place)

    def _sound(self, path: Path) -> Result:
        found = self._emotions.sound(path)
        if found is None:
            raise NotFoundError(f"{path}: no voice in it")
        return found


def print_results(results: Iterable[Prediction | Failure], as_json: bool) -> bool:
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
                rows.append((result.input, _described(result), result.emotion, confidence))
    finally:
        if rows:
            print(table(("input", "modality", "emotion", "confidence"), rows))
    return succeeded


def _described(result: Prediction) -> str:
    """Returns the modality, with the number of a face that is not the primary one."""
    return f"face {result.subject}" if result.primary is False else result.modality


def _itself(path: Path) -> Path:
    """Returns the file behind a name that means another one to each process, as /dev/stdin does."""
    if path.parts[:2] not in (("/", "dev"), ("/", "proc")):
        return path
    real = Path(os.path.realpath(path))
    return real if form_of(real) == stat.S_IFREG else path


def _printable(text: object) -> str:
    """Returns a text for JSON, with question marks for bytes of a path that are not UTF-8."""
    return str(text).encode("utf-8", "replace").decode()


def _failure(source: Path | str, reason: Exception | str) -> Failure:
    return Failure(_printable(source), _printable(reason))


def _prediction(name: str, result: Result) -> Prediction:
    return Prediction(
        input=name,
        modality=result.modality,
        subject=UNKNOWN_SUBJECT if result.parts else result.subject,
        emotion=result.emotion,
        confidence=result.confidence,
        probabilities=result.probabilities,
        native=result.native,
        valence=result.valence,
        arousal=result.arousal,
        box=result.box,
    )
