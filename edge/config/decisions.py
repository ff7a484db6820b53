"""The sections about what is concluded: `fusion` and `tracking`."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.section import PositiveSeconds, Seconds, Section, Share, Text, TopicLevel


class Fusion(Section, frozen=True):
    """Fusion of observations into one belief."""

    strategy: Literal["log_linear", "average", "attention", "feature"] = "log_linear"
    file: Text = "fusion.json"
    outside: tuple[TopicLevel, ...] = ()
    """Modalities besides face, speech and text whose observations count."""
    half_life_s: PositiveSeconds = 1.5
    max_age_s: PositiveSeconds = 5.0


class RestingFace(Section, frozen=True):
    """Removal of what a person's face and voice express at all times, as at rest."""

    enabled: bool = True
    learn_s: PositiveSeconds = 10.0
    memory_s: PositiveSeconds = 3600.0
    max_discount: Annotated[float, Meta(ge=0, le=10)] = 2.0
    """Nepers."""


class Tracking(Section, frozen=True):
    """Tracking of beliefs over time, as states and events."""

    smoothing_s: Seconds = 0.3
    min_confidence: Share = 0.45
    hysteresis: Share = 0.3
    min_dwell_s: Seconds = 0.4
    min_dwell_happy_s: Seconds = 0.2
    update_step: Annotated[float, Meta(gt=0, le=1)] = 0.2
    resting_face: RestingFace = RestingFace()

    def dwell_s(self, emotion: str) -> float:
        """Returns the time that an emotion must lead; happiness is brief and reliable."""
        return self.min_dwell_happy_s if emotion == "happy" else self.min_dwell_s
