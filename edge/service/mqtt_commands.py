"""Commands on a device's `set/…` topics: parses and executes them, or answers why not."""

import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.clock import Clock
from edge.config import Config, TranscriptTopic
from edge.emotions import EMOTIONS, Emotion
from edge.errors import EmotiondError, PayloadError
from edge.section import Share
from edge.service.pause import Pause
from edge.service.rate_limit import RateLimit
from edge.service.transcripts import transcript
from edge.throttled_log import ThrottledLog
from edge.updates.version import Hash, Version
from edge.values import UNKNOWN_SUBJECT, Observation, TextMessage, invalid_reason

logger = logging.getLogger(__name__)

SWITCH = {b"on": True, b"true": True, b"1": True, b"off": False, b"false": False, b"0": False}
RATES = {"text": (5.0, 20), "observation": (50.0, 100), "pause": (0.2, 5), "models": (0.1, 20)}
"""By command, how many are obeyed a second in the long run, and at once; except the start of a
pause, which is always obeyed."""
Subject = Annotated[int, Meta(ge=0, lt=2**31)]
MAX_OBSERVATION_BYTES = 4096
MAX_MODELS_BYTES = 1024


class TextCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON form of a message to `set/text`."""

    text: str
    subject: Subject = UNKNOWN_SUBJECT


class ObservationCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to `set/observation`."""

    modality: str
    """A modality listed in `fusion.outside`."""
    probabilities: dict[Emotion, Share]
    """By emotion; missing ones are 0."""
    quality: Share = 1.0
    subject: Subject = UNKNOWN_SUBJECT


class ModelsCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to `set/models`."""

    version: Version
    sha256: Hash
    """Hash of the file `models-VERSION.tar`."""


class TooManyCommandsError(EmotiondError):
    """A command that comes too soon after others."""


class MqttCommands:
    """Executes texts, outside observations, pauses and updates; `answer` receives each refusal.

    Retained texts and observations are old and ignored; those that may have waited at the broker
    for longer than `fusion.max_age_s` are refused, and so are too many at once. A retained pause is
    obeyed, its end is not: an old message must not open a camera that was closed since. `take_text`
    raises PayloadError on a device without a text model, and `update_models` (version, hash,
    retained) on one that fetches none.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        pause: Pause,
        take_text: Callable[[TextMessage], None],
        take_observation: Callable[[Observation], None],
        answer: Callable[[str, str], None],
        update_models: Callable[[str, str, bool], None],
    ) -> None:
        self._config, self._clock, self._pause = config, clock, pause
        self._take_text, self._take_observation = take_text, take_observation
        self._answer, self._update_models = answer, update_models
        self._log = ThrottledLog(logger)
        self._limits = {name: RateLimit(*rate) for name, rate in RATES.items()}
        self._handlers: dict[str, Callable[[bytes, bool, float], None]] = {
            "text": self._receive_text,
            "observation": self._receive_observation,
            "pause": self._receive_pause,
            "models": self._receive_models,
        }

    def receive(self, name: str, payload: bytes, retained: bool, age_s: float = 0.0) -> None:
        """Executes one command; never raises."""
        handler = self._handlers.get(name, self._refuse_unknown)
        self._obey(f"set/{name}", partial(handler, payload, retained, age_s))

    def receive_transcript(
        self, source: TranscriptTopic, payload: bytes, retained: bool, age_s: float = 0.0
    ) -> None:
        """Takes the text that a speech recognizer published; never raises."""
        self._obey(
            source.topic, partial(self._receive_transcript, source, payload, retained, age_s)
        )

    def _obey(self, name: str, command: Callable[[], None]) -> None:
        now_s = self._clock.now_s()
        try:
            command()
        except PayloadError as error:
            self._log.warning(name, f"{name} ignored: {error}", now_s)
            self._answer(name, str(error))
        except TooManyCommandsError as error:
            if self._log.warning(f"{name} rate", f"{name} ignored: {error}", now_s):
                self._answer(name, str(error))

    def _refuse_unknown(self, payload: bytes, retained: bool, age_s: float) -> None:
        raise PayloadError(f"unknown command; known: {', '.join(self._handlers)}")

    def _limit(self, name: str) -> None:
        limit = self._limits[name]
        if not limit.allows(self._clock.now_s()):
            raise TooManyCommandsError(f"more than {limit.per_s:g} a second are not obeyed")

    def _receive_pause(self, payload: bytes, retained: bool, age_s: float) -> None:
        if not payload:
            return  # deletes a retained message
        wanted = SWITCH.get(payload.strip().lower())
        if wanted is None:
            raise PayloadError(
                f"expected `on` or `off`, received {len(payload)} bytes of something else"
            )
        if not wanted and not retained:
            self._limit("pause")
        if (wanted or not retained) and (fault := self._pause.switch(wanted)):
            self._answer("set/pause", f"obeyed, but {fault}")

    def _receive_text(self, payload: bytes, retained: bool, age_s: float) -> None:
        if retained:
            return
        self._check_readable("text", age_s)
        now_s = self._clock.now_s()
        self._take_text(parse_text(payload, now_s, self._config.text.max_bytes))

    def _receive_transcript(
        self, source: TranscriptTopic, payload: bytes, retained: bool, age_s: float
    ) -> None:
        """Takes a text; messages for other devices count for no limit."""
        if retained:
            return
        try:
            text = transcript(payload, source, self._config.text.max_bytes)
        except PayloadError:
            self._limit("text")
            raise
        if text is not None:
            self._check_readable("text", age_s)
            self._take_text(TextMessage(text, self._clock.now_s()))

    def _receive_observation(self, payload: bytes, retained: bool, age_s: float) -> None:
        if retained:
            return
        self._check_readable("observation", age_s)
        now_s = self._clock.now_s()
        self._take_observation(parse_observation(payload, now_s, self._config.fusion.outside))

    def _receive_models(self, payload: bytes, retained: bool, age_s: float) -> None:
        if not payload:
            return  # deletes a retained message
        self._limit("models")
        command = parse_models(payload)
        self._update_models(command.version, command.sha256, retained)

    def _check_readable(self, name: str, age_s: float) -> None:
        self._limit(name)
        if self._pause.is_on:
            raise PayloadError("paused; send `off` to set/pause first")
        if age_s > (max_age_s := self._config.fusion.max_age_s):
            raise PayloadError(
                "it may have waited at the broker for longer than fusion.max_age_s, which is "
                f"{max_age_s:g} s; send it again"
            )


def parse_text(payload: bytes, received_s: float, max_bytes: int) -> TextMessage:
    """Parses a message to `set/text`: plain UTF-8, or a JSON object with `text` and `subject`.

    Raises PayloadError, which never quotes the text.
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
                'text starts like JSON but is not {"text": …} or {"text": …, "subject": number}'
            ) from None
    if not command.text.strip():
        raise PayloadError("text is empty")
    return TextMessage(command.text, received_s, command.subject)


def parse_observation(
    payload: bytes, received_s: float, modalities: Collection[str]
) -> Observation:
    """Parses a message to `set/observation`, observed when received; raises PayloadError."""
    if len(payload) > MAX_OBSERVATION_BYTES:
        raise PayloadError(
            f"{len(payload)} bytes are more than the {MAX_OBSERVATION_BYTES} allowed"
        )
    try:
        command = msgspec.json.decode(payload, type=ObservationCommand)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _, _, place = str(error).partition(" - at ")  # the part before may quote the payload
        where = f", at {place}" if place else ""
        raise PayloadError(f"not an observation as described in docs/mqtt.md{where}") from None
    if command.modality not in modalities:
        known = ", ".join(modalities) or "which is empty"
        raise PayloadError(f"the modality is not listed in fusion.outside ({known})")
    probabilities = [command.probabilities.get(emotion, 0.0) for emotion in EMOTIONS]
    observation = Observation(
        command.modality,
        command.subject,
        received_s,
        np.array(probabilities, np.float32),
        command.quality,
        {str(emotion): share for emotion, share in command.probabilities.items()},
    )
    if (wrong := invalid_reason(observation)) is not None:
        raise PayloadError(f"invalid observation: {wrong}")
    return observation


def parse_models(payload: bytes) -> ModelsCommand:
    """Parses a message to `set/models`; raises PayloadError."""
    if len(payload) > MAX_MODELS_BYTES:
        raise PayloadError(f"{len(payload)} bytes are more than the {MAX_MODELS_BYTES} allowed")
    try:
        return msgspec.json.decode(payload, type=ModelsCommand)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PayloadError(
            'expected {"version": "1.2.0", "sha256": "64 hexadecimal digits"}'
        ) from None
