"""Reads one device in a thread of its own, and opens it again whenever it fails."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from edge.capture.newest import Newest
from edge.config import Backoff
from edge.errors import SourceError

logger = logging.getLogger(__name__)

Sample = TypeVar("Sample")
Sample_co = TypeVar("Sample_co", covariant=True)


class Device(Protocol[Sample_co]):
    """An open camera, microphone or file."""

    def read(self) -> Sample_co | None:
        """The next sample, waiting for it; None at the end of a file. Raises SourceError."""

    def close(self) -> None:
        """Gives the device back."""


class Reader(threading.Thread, Generic[Sample]):
    """Fills `sink` from the device that `opener` opens, until `stop` is set.

    `report` is told `ok`, `degraded: reason` or, at the end of a file, `off`; nothing when
    `stop` cuts a read short.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], Device[Sample]],
        sink: Newest[Sample],
        report: Callable[[str], None],
        retry: Backoff,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._opener = opener
        self._sink = sink
        self._report = report
        self._retry = retry
        self._stop_asked = stop

    def run(self) -> None:
        """Opens and reads, with longer waits after each failure in a row."""
        wait_s = self._retry.shortest_s
        while not self._stop_asked.is_set():
            try:
                device = self._opener()
            except SourceError as error:
                self._report(f"degraded: {error}")
            else:
                if self._read_all(device):
                    return
                wait_s = self._retry.shortest_s
            self._stop_asked.wait(wait_s)
            wait_s = min(wait_s * 2, self._retry.longest_s)

    def _read_all(self, device: Device[Sample]) -> bool:
        """Whether reading came to its proper end rather than to a failure."""
        try:
            while not self._stop_asked.is_set():
                sample = device.read()
                if sample is None:
                    if not self._stop_asked.is_set():
                        self._report("off")
                    return True
                self._sink.put(sample)
                self._report("ok")
        except SourceError as error:
            self._report(f"degraded: {error}")
            return False
        finally:
            device.close()
        return True
