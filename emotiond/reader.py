"""`Emotions`: reads pictures, sounds, texts and clips with the models of the daemon."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from edge.capture.decoder import Decoder, DirectDecoder
from edge.capture.turning import turned
from edge.config import Config, Face
from edge.errors import EndsEarlyError, NotFoundError, NoTrackError, SourceError
from edge.fusion.pooling import pool_main
from edge.values import Frame, Observation
from emotiond.inputs import Array, FilePath, to_pixels, to_sound, to_text
from emotiond.live import Live
from emotiond.models import SharedModels
from emotiond.results import Clip, Result, of_answer, of_belief, of_observation
from emotiond.timeline import Timeline

log = logging.getLogger(__name__)

Progress = Callable[[float], None]
"""Is called with the time in the clip, in seconds, up to which its pictures have been read."""
STEP_S = 0.2


class Emotions:
    """Reads emotions with the packs of a folder, by default those that ship.

    Each model is loaded when it is first needed. Thread-safe: threads that need the same model
    wait for each other, and files are decoded in parallel. Every method raises ModelError if a
    model is missing or damaged.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        config: Config | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        """`config` is the daemon's configuration; `folder` replaces its `models.folder`.

        Files are decoded in this process, unless `decoder` does it elsewhere.
        """
        config = config or Config()
        if folder is not None:
            models = msgspec.structs.replace(config.models, folder=os.fspath(folder))
            config = msgspec.structs.replace(config, models=models)
        self._models = SharedModels(config)
        self._decoder = decoder or DirectDecoder(config.files)

    def image(self, picture: FilePath | Array, *, cropped: bool = False) -> tuple[Result, ...]:
        """Returns the expression of every face in a picture, the largest first.

        A picture is a file, or uint8[height, width, 3] in OpenCV's order (BGR). With `cropped` it
        is a face crop already, and no face is looked for. Raises SourceError if it cannot be read.
        """
        return tuple(map(of_observation, self._faces(picture, cropped)))

    def sound(self, sound: FilePath | Array, sample_rate_hz: int | None = None) -> Result | None:
        """Returns the expression of the voice in a recording, None without a voice.

        A recording is a file, or int16 or floats of -1..1, [samples] or [samples, channels], with
        its sample rate. Raises SourceError if it cannot be read.
        """
        observation = self._models.voice(to_sound(sound, sample_rate_hz, self._decoder))
        return None if observation is None else of_observation(observation)

    def text(self, text: str) -> Result:
        """Returns the emotion of a text; raises SourceError for anything else."""
        return of_observation(self._models.words(to_text(text)))

    def fuse(
        self,
        *,
        image: FilePath | Array | None = None,
        sound: FilePath | Array | None = None,
        text: str | None = None,
        sample_rate_hz: int | None = None,
    ) -> Result:
        """Returns one result for a picture, a sound and a text of one person at one moment.

        `parts` has the result of each. Raises SourceError if one cannot be read, or if there is
        neither a face, nor a voice, nor a text.
        """
        observations: list[Observation] = []
        if image is not None:
            observations += self._faces(image)[:1]
        if sound is not None:
            heard = self._models.voice(to_sound(sound, sample_rate_hz, self._decoder))
            observations += [] if heard is None else [heard]
        if text is not None:
            observations.append(self._models.words(to_text(text)))
        if not observations:
            raise SourceError("nothing to fuse: there is no face, no voice and no text")
        return self._fused(observations)

    def clip(
        self,
        path: FilePath,
        *,
        timeline: bool = True,
        step_s: float = STEP_S,
        upright: bool = False,
        progress: Progress | None = None,
    ) -> Clip:
        """Returns face, speech and both fused: of a video as a whole, and every `step_s` seconds.

        `fused` follows the clip over time with the code of the daemon. Its pictures are turned as
        `camera.rotate` and `camera.mirror` of the configuration say, as recordings of that camera
        need it, unless they are `upright` already. Raises SourceError if it
        cannot be read, or has neither a face nor a voice.
        """
        path, missing, sound = Path(path), list[SourceError](), None
        try:
            sound = self._decoder.sound(path)
        except SourceError as error:
            missing.append(error)
        track = Timeline(self.live(), sound, step_s, self._min_confidence)
        face = speech = None
        try:
            frames = self._frames(path, upright, missing)
            face = self._main_face(path, frames, track, progress)
        except SourceError as error:
            missing.insert(0, error)
        if sound is not None and (speech := self._models.voice(sound)) is None:
            missing.append(NotFoundError(f"{path}: no voice in it"))
        seen = [one for one in (face, speech) if one is not None]
        if not seen:
            raise SourceError("; ".join(dict.fromkeys(map(str, missing))))
        moments, parts = track.finish(), tuple(map(of_observation, seen))
        answer = track.answer
        return Clip(
            face=None if face is None else of_observation(face),
            speech=None if speech is None else of_observation(speech),
            fused=self._fused(seen) if answer is None else of_answer(*answer, parts),
            timeline=moments if timeline else (),
            duration_s=round(track.duration_s, 3),
            incomplete=_incomplete(missing),
        )

    def live(self, started_s: float = 0.0) -> Live:
        """Returns a reader of one stream of pictures, sound and texts over time."""
        return Live(self._models, started_s)

    def _faces(self, picture: FilePath | Array, cropped: bool = False) -> tuple[Observation, ...]:
        frame = Frame(to_pixels(picture, self._decoder), 0.0)
        if cropped:
            return (self._models.crop(frame),)
        return self._models.see(self._models.new_face(), frame).observations

    def _frames(self, path: Path, upright: bool, missing: list[SourceError]) -> Iterator[Frame]:
        """Yields the pictures of a video; adds to `missing` why they end early, if they do."""
        camera = self._models.config.camera
        try:
            for frame in self._decoder.frames(path, camera.fps):
                yield frame if upright else turned(frame, camera)
        except EndsEarlyError as error:
            missing.append(error)

    def _main_face(
        self, path: Path, frames: Iterator[Frame], track: Timeline, progress: Progress | None
    ) -> Observation:
        """Pools the subject that is primary in most frames of a video; raises SourceError."""
        faces: list[Observation] = []
        for frame in frames:
            primary = track.frame(frame.pixels, frame.captured_s)
            if primary is not None:
                faces.append(primary)
            if progress is not None:
                progress(frame.captured_s)
        if (main := pool_main(faces)) is None:
            raise NotFoundError(f"{path}: {no_face(self._models.config.models.face)}")
        return replace(main, captured_s=0.0)

    def _fused(self, observations: list[Observation]) -> Result:
        parts = tuple(map(of_observation, observations))
        belief = self._models.fuse(observations)
        return of_belief(belief, parts[0].subject, parts, self._min_confidence)

    @property
    def _min_confidence(self) -> float:
        return self._models.config.tracking.min_confidence


def no_face(config: Face) -> str:
    """Returns the sentence about a picture in which no face is found."""
    if config.detector == "full":
        return "no face in it"
    return "no face in it; for faces further away set models.face.detector to full"


def _incomplete(missing: Sequence[SourceError]) -> str | None:
    """Returns why a part of a clip could not be read, if so; logs what was not found in it."""
    for error in missing:
        if isinstance(error, NotFoundError):
            log.warning("%s", str(error).encode("utf-8", "replace").decode())
    unread = [one for one in missing if not isinstance(one, NotFoundError | NoTrackError)]
    return "; ".join(map(str, unread)) or None
