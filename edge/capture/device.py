"""The interface of everything that captures: camera, microphone, file or stream."""

from pathlib import Path
from typing import Protocol, TypeVar

DEVICE_FOLDER = Path("/dev")
"""Folder of the device files that the kernel provides."""

Sample_co = TypeVar("Sample_co", covariant=True)


class Device(Protocol[Sample_co]):
    """An open camera, microphone, file or stream."""

    @property
    def fault(self) -> str:
        """Reason why the current samples are useless, such as black pictures; else empty."""

    @property
    def steps(self) -> int:
        """Changes whenever the driver answers; a driver whose count stands still hangs."""

    def read(self) -> Sample_co | None:
        """Waits for the next sample; returns None at the end of a file, or when stopped.

        Raises SourceError, and Paused if a pause cuts the wait short.
        """

    def close(self) -> None:
        """Releases the device."""
