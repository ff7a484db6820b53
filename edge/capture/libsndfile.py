"""Decodes sound with libsndfile: what is left without the extra `media`."""

from collections.abc import Iterator
from typing import Any

import soundfile

from edge.capture.conversion import Piece
from edge.errors import SourceError

BLOCK_SAMPLES = 65_536
BLOCK_FORMAT: dict[str, Any] = {"dtype": "float32", "always_2d": True}


class SoundFileTrack:
    """The decoded sound of a WAV, FLAC, Ogg, MP3 and the like."""

    lost = 0

    def __init__(self, file: Any, name: str, _track: int = 0) -> None:
        self._file, self._name = file, name
        self.promised_s: float | None = None
        """Length by the header."""

    def pieces(self) -> Iterator[Piece]:
        """Yields pieces of sound with their sample rate; raises SourceError."""
        self._file.seek(0)
        try:
            with soundfile.SoundFile(self._file) as file:
                rate_hz = max(file.samplerate, 1)
                self.promised_s = file.frames / rate_hz
                while len(block := file.read(BLOCK_SAMPLES, **BLOCK_FORMAT)):
                    yield rate_hz, block
        except (soundfile.SoundFileError, RuntimeError, ValueError, MemoryError) as error:
            raise SourceError(f"{self._name}: not a readable sound ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """Returns libsndfile's own sentence, without the name that it has for the file."""
    return str(getattr(error, "error_string", "") or error).rstrip(".")
