"""Converts payloads to the fields of ROS messages, as nested dictionaries; pure functions."""

import json
from datetime import datetime, timezone
from typing import Any

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""Emotions in the order of `probabilities`."""
PHASES = {"start": 0, "update": 1, "end": 2}
"""Constants of EmotionEvent."""
OK, WARN, ERROR, STALE = 0, 1, 2, 3
"""Levels of diagnostic_msgs/DiagnosticStatus."""

UINT32_MAX = 2**32 - 1
INT32_MAX = 2**31 - 1
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""Errors that a message of another shape causes."""

Fields = dict[str, Any]


def emotion(payload: bytes, frame_id: str) -> Fields:
    """Converts a `state` to the fields of emotiond_msgs/Emotion; raises ValueError."""
    message = _message(payload)
    try:
        return _belief(message, frame_id)
    except MALFORMED as error:
        raise ValueError(f"not a state as in docs/mqtt.md ({error!r})") from None


def emotion_event(payload: bytes, frame_id: str) -> Fields:
    """Converts an `event` to the fields of emotiond_msgs/EmotionEvent; raises ValueError."""
    message = _message(payload)
    try:
        data = message["data"]
        seconds, nanoseconds = divmod(round(data["duration_s"] * 1_000_000_000), 1_000_000_000)
        return {
            "belief": _belief(message, frame_id),
            "id": str(message["id"]),
            "sequence": _whole(data["sequence"], UINT32_MAX),
            "phase": PHASES[data["phase"]],
            "duration": {"sec": _whole(seconds, INT32_MAX), "nanosec": nanoseconds},
            "replayed": bool(data["replayed"]),
        }
    except MALFORMED as error:
        raise ValueError(f"not an event as in docs/mqtt.md ({error!r})") from None


def diagnostic_status(device: str, online: bool | None, statuses: dict[str, str]) -> Fields:
    """Returns the fields of diagnostic_msgs/DiagnosticStatus.

    `online` is None if nothing was received from the device; `statuses` has the status of each
    modality: `ok`, `off` or `degraded: reason`.
    """
    degraded = [name for name, status in sorted(statuses.items()) if status not in ("ok", "off")]
    if online is None:
        level, message = STALE, "nothing received"
    elif not online:
        level, message = ERROR, "offline"
    elif degraded:
        level, message = WARN, f"degraded: {', '.join(degraded)}"
    else:
        level, message = OK, "online"
    return {
        "level": bytes([level]),
        "name": f"emotiond: {device}",
        "message": message,
        "hardware_id": device,
        "values": [{"key": key, "value": value} for key, value in sorted(statuses.items())],
    }


def _message(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError as error:  # invalid JSON or UTF-8
        raise ValueError(f"not JSON ({error})") from None


def _belief(message: Any, frame_id: str) -> Fields:
    data = message["data"]
    probabilities, contributions = data["probabilities"], data["contributions"]
    return {
        "header": {"stamp": _stamp(message["time"]), "frame_id": frame_id},
        "subject": _whole(data["subject"], UINT32_MAX),
        "emotion": str(data["emotion"]),
        "confidence": float(data["confidence"]),
        "probabilities": [float(probabilities[name]) for name in EMOTIONS if probabilities],
        "valence": float(data["valence"]),
        "arousal": float(data["arousal"]),
        "modalities": list(contributions),
        "shares": [float(share) for share in contributions.values()],
        "faces": _whole(data["faces"], UINT32_MAX),
        "paused": bool(data["paused"]),
    }


def _stamp(time: str) -> Fields:
    """Converts UTC in RFC 3339 with milliseconds to builtin_interfaces/Time."""
    moment = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return {"sec": int(moment.timestamp()), "nanosec": moment.microsecond * 1000}


def _whole(value: Any, largest: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= largest:
        raise ValueError(f"{value!r} is not a whole number from 0 to {largest}")
    return value
