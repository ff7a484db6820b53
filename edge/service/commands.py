"""Obeys what is sent to a device's `set/…` topics, or says why not."""

import logging
from collections.abc import Callable

from edge.capture.outside import parse_observation
from edge.capture.text import parse_text
from edge.clock import Clock
from edge.config import Config
from edge.errors import PayloadError
from edge.service.pause import Pause
from edge.throttled_log import Complaints
from edge.values import Observation, TextMessage

logger = logging.getLogger(__name__)

SWITCH = {b"on": True, b"off": False}


class Commands:
    """Reads texts, outside observations and the pause; each refusal is told to `answer`.

    A text or an observation that the broker had retained is old, and ignored. A retained pause is
    obeyed, its end is not: an old message must not open a camera that was closed since. Where no
    text can be read, `take_text` is None.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        pause: Pause,
        take_text: Callable[[TextMessage], None] | None,
        take_observation: Callable[[Observation], None],
        answer: Callable[[str, str], None],
    ) -> None:
        self._config, self._clock, self._pause = config, clock, pause
        self._take_text, self._take_observation = take_text, take_observation
        self._answer = answer
        self._complaints = Complaints(logger)

    def receive(self, name: str, payload: bytes, retained: bool) -> None:
        """One command; never raises."""
        try:
            if name == "pause":
                self._switch(payload, retained)
            elif not retained:
                self._observe(name, payload)
        except PayloadError as error:
            self._complaints.complain(name, f"set/{name} ignored: {error}", self._clock.now_s())
            self._answer(f"set/{name}", str(error))

    def _switch(self, payload: bytes, retained: bool) -> None:
        if not payload:
            return  # what takes a retained message back is told to us as well
        wanted = SWITCH.get(payload.strip().lower())
        if wanted is None:
            raise PayloadError(f"{len(payload)} bytes that are neither `on` nor `off`")
        if wanted or not retained:
            self._pause.turn(wanted)

    def _observe(self, name: str, payload: bytes) -> None:
        now_s = self._clock.now_s()
        if self._pause.is_on:
            raise PayloadError("paused; send `off` to set/pause first")
        if name == "text":
            if self._take_text is None:
                raise PayloadError("this device reads no texts: see text/status")
            self._take_text(parse_text(payload, now_s, self._config.text.max_bytes))
        else:
            self._take_observation(parse_observation(payload, now_s, self._config.fusion.outside))
