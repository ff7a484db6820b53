"""Obeys what is sent to a device's `set/…` topics, or says why not."""

import logging
from collections.abc import Callable, Collection

import msgspec
import numpy as np

from edge.clock import Clock
from edge.config import Config, Share
from edge.emotions import EMOTIONS, Emotion
from edge.errors import PayloadError
from edge.service.pause import Pause
from edge.throttled_log import ThrottledLog
from edge.values import NOBODY_SEEN, Observation, TextMessage, fault

logger = logging.getLogger(__name__)

SWITCH = {b"on": True, b"off": False}
MAX_OBSERVATION_BYTES = 4096


class TextCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON form of a message to `set/text`."""

    text: str
    subject: int = NOBODY_SEEN


class ObservationCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to `set/observation`."""

    modality: str
    """One of those that `fusion.outside` names."""
    probabilities: dict[Emotion, Share]
    """Of the seven; those left out are 0."""
    quality: Share = 1.0
    subject: int = NOBODY_SEEN


class MqttCommands:
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
        self._log = ThrottledLog(logger)

    def receive(self, name: str, payload: bytes, retained: bool) -> None:
        """One command; never raises."""
        try:
            if name == "pause":
                self._switch(payload, retained)
            elif not retained:
                self._observe(name, payload)
        except PayloadError as error:
            self._log.warning(name, f"set/{name} ignored: {error}", self._clock.now_s())
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


def parse_text(payload: bytes, received_s: float, max_bytes: int) -> TextMessage:
    """A message to `set/text`: plain UTF-8 text, or a JSON object with `text` and `subject`.

    Raises PayloadError, whose words never quote the text.
    """
    if len(payload) > max_bytes:
        raise PayloadError(f"text of {len(payload)} bytes is longer than the {max_bytes} allowed")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError(f"text is not UTF-8 (byte {error.start})") from None
    command = TextCommand(text)
    if text.lstrip().startswith("{"):
        try:
            command = msgspec.json.decode(payload, type=TextCommand)
        except msgspec.DecodeError:
            raise PayloadError(
                'text begins as JSON but is not {"text": …} or {"text": …, "subject": number}'
            ) from None
    if not command.text.strip():
        raise PayloadError("text is empty")
    return TextMessage(command.text, received_s, command.subject)


def parse_observation(
    payload: bytes, received_s: float, modalities: Collection[str]
) -> Observation:
    """A message to `set/observation`, as observed when it was received. Raises PayloadError."""
    if len(payload) > MAX_OBSERVATION_BYTES:
        raise PayloadError(
            f"{len(payload)} bytes are more than the {MAX_OBSERVATION_BYTES} allowed"
        )
    try:
        told = msgspec.json.decode(payload, type=ObservationCommand)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _, _, place = str(error).partition(" - at ")  # what is before may quote the payload
        where = f", at {place}" if place else ""
        raise PayloadError(f"not an observation as docs/mqtt.md has it{where}") from None
    if told.modality not in modalities:
        known = ", ".join(modalities) or "which is empty"
        raise PayloadError(f"the modality is not one of fusion.outside ({known})")
    probabilities = [told.probabilities.get(emotion, 0.0) for emotion in EMOTIONS]
    observation = Observation(
        told.modality,
        told.subject,
        received_s,
        np.array(probabilities, np.float32),
        told.quality,
        {str(emotion): share for emotion, share in told.probabilities.items()},
    )
    if (wrong := fault(observation)) is not None:
        raise PayloadError(f"an observation of which {wrong.removeprefix('its ')}")
    return observation
