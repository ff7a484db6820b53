"""Values that the Python API returns: frozen, typed, with the field names of the MQTT payloads."""

from typing import Any, Literal

import msgspec

from edge.emotions import DIGITS, Emotion, by_emotion, valence_arousal
from edge.tracking.episodes import State
from edge.tracking.held import Answer
from edge.values import Belief, Box, Observation

FUSED = "fused"
"""Modality of a result that was made from several."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one modality, or of all fused, about one subject."""

    modality: str
    """`face`, `speech`, `text` or `fused`."""
    subject: int
    """Number of the face, from 1; 0 for voice and text."""
    emotion: Emotion | Literal["unknown"]
    """`unknown` only if fused, where nothing is certain enough (`tracking.min_confidence`)."""
    confidence: float
    """Probability of `emotion`; of the most probable one while it is unknown."""
    probabilities: dict[Emotion, float]
    """Of the seven emotions; they add up to one."""
    valence: float
    """From -1, unpleasant, to 1, pleasant."""
    arousal: float
    """From -1, calm, to 1, excited."""
    contributions: dict[str, float]
    """Share of each modality, 0..1; they add up to one."""
    quality: float
    """0..1: reliability, from how well the subject could be seen, heard or read."""
    native: dict[str, float]
    """Probabilities of the model's own labels; empty if fused."""
    box: Box | None = None
    """Of a face that was found in a picture or frame."""
    parts: tuple["Result", ...] = ()
    """Results behind a fused one."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as a dict of plain values, fit for JSON."""
        return _plain(self)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What a device in front of a clip would publish at one of its moments."""

    time_s: float
    """Time in the clip."""
    face: Result | None = None
    """The primary face, while it is in view."""
    speech: Result | None = None
    """The voice, at moments with enough new voice."""
    fused: Result | None = None
    """Followed over time as by the daemon; None until something was observed."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as a dict of plain values, fit for JSON."""
        return _plain(self)


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for a video, over its length and over time."""

    face: Result | None
    """The person who is primary in most frames."""
    speech: Result | None
    fused: Result
    """Both over time, as the daemon fuses them: the emotion that held longest, and the mean belief
    while it held."""
    timeline: tuple[Moment, ...] = ()
    duration_s: float = 0.0
    incomplete: str | None = None
    """Why a part of the clip could not be read, such as an extra that is not installed."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as a dict of plain values, fit for JSON."""
        return _plain(self)


def _plain(value: Result | Moment | Clip) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return plain


def of_observation(observation: Observation) -> Result:
    """Returns the result of one modality."""
    belief = Belief(observation.probabilities, {observation.modality: 1.0}, observation.captured_s)
    return Result(
        modality=observation.modality,
        subject=observation.subject,
        emotion=belief.emotion,
        quality=round(observation.quality, DIGITS),
        native={label: round(p, DIGITS) for label, p in observation.native.items()},
        box=observation.box,
        **_figures(belief, belief.confidence),
    )


def of_belief(
    belief: Belief, subject: int, parts: tuple[Result, ...], min_confidence: float
) -> Result:
    """Returns the fused result of one or several; below `min_confidence` it is unknown."""
    emotion = belief.emotion if belief.confidence >= min_confidence else "unknown"
    return _of_parts(emotion, belief.confidence, belief, subject, parts)


def of_answer(answer: Answer, last: State, parts: tuple[Result, ...]) -> Result:
    """Returns the fused result of a clip, whose modalities have the shares of its last state."""
    contributions = {} if last.belief is None else last.belief.contributions
    belief = Belief(answer.probabilities, contributions, last.captured_s)
    return _of_parts(answer.emotion, answer.confidence, belief, parts[0].subject, parts)


def _of_parts(
    emotion: Emotion | Literal["unknown"],
    confidence: float,
    belief: Belief,
    subject: int,
    parts: tuple[Result, ...],
) -> Result:
    return Result(
        modality=FUSED,
        subject=subject,
        emotion=emotion,
        quality=max(one.quality for one in parts),
        native={},
        parts=parts,
        **_figures(belief, confidence),
    )


def of_state(state: State) -> Result | None:
    """Returns the fused result of a subject who is followed over time; None without a belief."""
    if state.belief is None:
        return None
    return Result(
        modality=FUSED,
        subject=state.subject,
        emotion=state.emotion,
        quality=1.0,
        native={},
        **_figures(state.belief, state.confidence),
    )


def _figures(belief: Belief, confidence: float) -> dict[str, Any]:
    valence, arousal = valence_arousal(belief.probabilities)
    return {
        "confidence": round(confidence, DIGITS),
        "probabilities": by_emotion(belief.probabilities),
        "valence": round(valence, DIGITS),
        "arousal": round(arousal, DIGITS),
        "contributions": {name: round(p, DIGITS) for name, p in belief.contributions.items()},
    }
