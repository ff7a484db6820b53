"""Observations of sensors that are not ours, as they arrive over MQTT."""

from collections.abc import Collection
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.emotions import EMOTIONS, Emotion
from edge.errors import PayloadError
from edge.values import NOBODY_SEEN, Observation, fault

MAX_BYTES = 4096
Probability = Annotated[float, Meta(ge=0, le=1)]


class ObservationCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to `set/observation`."""

    modality: str
    """One of those that `fusion.outside` names."""
    probabilities: dict[Emotion, Probability]
    """Of the seven; those left out are 0."""
    quality: Probability = 1.0
    subject: int = NOBODY_SEEN


def parse_observation(
    payload: bytes, received_s: float, modalities: Collection[str]
) -> Observation:
    """A message to `set/observation`, as observed when it was received. Raises PayloadError."""
    if len(payload) > MAX_BYTES:
        raise PayloadError(f"{len(payload)} bytes are more than the {MAX_BYTES} allowed")
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
