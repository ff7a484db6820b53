"""What a worker can be asked to do; every job returns JSON."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.capture.decoder import DirectDecoder
from edge.capture.media import decode_picture
from edge.clock import Clock
from edge.config import Camera, Config, Files
from edge.emotions import DIGITS
from edge.errors import EmotiondError, SourceError, TooLongError
from edge.values import Sound
from edge.web.answers import Faces, LiveAnswer
from emotiond import Emotions, Result
from emotiond.live import Live

Progress = Callable[[object], None]
PROGRESS_STEP = 0.01
STEPS = 600
"""Most moments in the timeline of a clip."""
NOT_FOR_UPLOADER = (
    (re.compile(r"/proc/self/fd/\d+: "), ""),
    (re.compile(r":? '?/proc/self/fd/\d+'?"), ""),
    (re.compile(r", or raise (that|files\.\w+)"), ""),
    (re.compile(r"files\.\w+ allows"), "this server allows"),
)
"""The path by which this process reads an upload, and settings of the server, in errors."""
LIVE = Files(max_picture_mpx=1920 * 1080 / 1e6)
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 80)


class Jobs:
    """Runs jobs with one set of models.

    What others send was not taken by this device's camera, and is not turned as that one is.
    """

    def __init__(self, config: Config, max_pixels: int, max_seconds: float) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # errors carry the cause
        files = Files(
            max_picture_mpx=min(max_pixels / 1e6, config.files.max_picture_mpx),
            max_sound_s=min(max_seconds, config.files.max_sound_s),
        )
        config = msgspec.structs.replace(config, camera=Camera(), files=files)
        self._emotions = Emotions(config=config, decoder=_Decoder(files))
        self._max_seconds = max_seconds
        self._live: dict[str, Live] = {}

    def text(self, text: str, progress: Progress) -> bytes:
        """Reads a text."""
        return msgspec.json.encode(self._emotions.text(text))

    def image(self, image: Path, progress: Progress) -> bytes:
        """Reads every face in a picture."""
        found = self._emotions.image(image)
        return msgspec.json.encode(Faces(len(found), found))

    def audio(self, audio: Path, progress: Progress) -> bytes:
        """Reads the voice in a sound."""
        found = self._emotions.sound(audio)
        if found is None:
            raise SourceError("no voice in it")
        return msgspec.json.encode(found)

    def video(self, video: Path, progress: Progress) -> bytes:
        """Reads a video as a whole and over time."""
        if (length_s := _length_s(video)) > self._max_seconds:
            raise self._too_long()
        step_s = max(length_s / STEPS, 0.2)

        reported = 0.0

        def report(read_s: float) -> None:
            nonlocal reported
            if read_s > self._max_seconds:
                raise self._too_long()
            share = min(read_s / length_s, 1.0) if length_s else 0.0
            if share - reported >= PROGRESS_STEP:
                reported = share
                progress(share)

        clip = self._emotions.clip(video, step_s=step_s, progress=report)
        if clip.incomplete is not None:
            clip = msgspec.structs.replace(clip, incomplete=for_uploader(clip.incomplete))
        return msgspec.json.encode(clip)

    def fused(
        self,
        progress: Progress,
        image: Path | None = None,
        audio: Path | None = None,
        text: str | None = None,
    ) -> bytes:
        """Reads a picture, a sound and a text of one person."""
        return msgspec.json.encode(self._emotions.fuse(image=image, sound=audio, text=text))

    def _too_long(self) -> EmotiondError:
        """Returns an error that `Emotions.clip` does not take for a missing part."""
        return EmotiondError(f"longer than {self._max_seconds:g} s; cut it")

    def live_frame(self, session: str, data: bytes, captured_s: float, progress: Progress) -> bytes:
        """Reads the next picture of a live page."""
        pixels = decode_picture(data, "this picture", LIVE)
        found = self._session(session, captured_s).frame(pixels, captured_s)
        return self._answer(self._live[session], captured_s, found, len(found))

    def live_sound(self, session: str, data: bytes, captured_s: float, progress: Progress) -> bytes:
        """Reads the next sound of a live page, int16 mono at 16 kHz."""
        samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
        heard = self._session(session, captured_s).sound(samples, captured_s)
        return self._answer(self._live[session], captured_s, heard[-1:])

    def live_text(self, session: str, text: str, captured_s: float, progress: Progress) -> bytes:
        """Reads a text of the person in front of a live page."""
        read = self._session(session, captured_s).text(text, captured_s)
        return self._answer(self._live[session], captured_s, (read,))

    def live_end(self, session: str, progress: Progress) -> bytes:
        """Forgets a live page."""
        self._live.pop(session, None)
        return b""

    def camera(self, camera: Camera, progress: Progress) -> bytes:
        """Reports the pictures of the camera, each with who is in it, until the worker ends."""
        clock = Clock()
        control = RunControl()
        device = open_camera(camera, clock, control)
        live = self._emotions.live(clock.now_s())
        try:
            while (frame := device.read()) is not None:
                found = live.frame(frame.pixels, frame.captured_s)
                answer = self._answer(live, frame.captured_s, found, len(found))
                picture = cv2.imencode(".jpg", frame.pixels, JPEG)[1].tobytes()
                progress((answer, picture))
        finally:
            device.close()
        return b""

    def _session(self, session: str, now_s: float) -> Live:
        if session not in self._live:
            self._live[session] = self._emotions.live(now_s)
        return self._live[session]

    @staticmethod
    def _answer(
        live: Live, captured_s: float, observations: tuple[Result, ...], faces: int | None = None
    ) -> bytes:
        fused, everybody = live.fused(captured_s)
        return msgspec.json.encode(
            LiveAnswer(
                captured_s=captured_s,
                observations=observations,
                faces=faces,
                fused=fused,
                everybody=everybody,
            )
        )


class _Decoder(DirectDecoder):
    """Decodes within the limits of the server; a sound that is too long ends the whole job."""

    def sound(self, path: Path) -> Sound:
        try:
            return super().sound(path)
        except TooLongError as error:
            raise EmotiondError(str(error)) from error


def _length_s(path: Path) -> float:
    """Returns the length that a video claims, 0 if it claims none."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        return max(round(capture.get(cv2.CAP_PROP_FRAME_COUNT) / fps, DIGITS), 0.0) if fps else 0.0
    finally:
        capture.release()


def for_uploader(sentence: str) -> str:
    """Returns an error without the path of the upload, and what only this device's user can do."""
    for pattern, replacement in NOT_FOR_UPLOADER:
        sentence = pattern.sub(replacement, sentence)
    return sentence
