"""Messages and tables as lines for a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from edge.publish.messages import SCHEMAS, EventMessage
from edge.publish.payloads import (
    ErrorData,
    EventData,
    HealthData,
    InfoData,
    ModalityData,
    StateData,
)


def event_line(event: EventMessage) -> str:
    """One event as a subscriber's terminal shows it."""
    return f"{_time(event.time)}  {_event(event.data)}"


def message_line(device: str, name: str, payload: bytes, retained: bool) -> str:
    """Any message of a device as a terminal shows it; `name` is the topic below the device's."""
    line = _line(device, name, payload, retained)
    return "".join(one if one.isprintable() else "?" for one in line)  # no terminal obeys it


def _line(device: str, name: str, payload: bytes, retained: bool) -> str:
    below, _, last = name.rpartition("/")
    kind = "modality" if below and last == "state" else name
    if kind not in SCHEMAS:
        said = payload.decode(errors="replace") + (" (retained)" if retained else "")
        return f"{'':<12}  {device}  {name:<13} {said}"
    try:
        message: Any = msgspec.json.decode(payload, type=SCHEMAS[kind])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{'':<12}  {device}  {name:<13} {len(payload)} bytes of another version"
    return f"{_time(message.time)}  {device}  {name:<13} {TOLD[kind](message.data)}"


def _time(utc: str) -> str:
    return utc[11:23]


def _shares(contributions: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in contributions.items())


def _event(data: EventData) -> str:
    return (
        f"{data.phase:<6} {data.emotion:<8} {data.confidence:4.0%}  {data.duration_s:4.1f} s  "
        f"{_shares(data.contributions)}"
    )


def _state(data: StateData) -> str:
    if data.paused:
        return "paused: nothing is captured"
    return (
        f"{data.emotion:<8} {data.confidence:4.0%}  valence {data.valence:+.2f}, arousal "
        f"{data.arousal:+.2f}, {data.faces} faces  {_shares(data.contributions)}"
    ).rstrip()


def _modality(data: ModalityData) -> str:
    return f"{data.emotion:<8} {data.confidence:4.0%}  quality {data.quality:.2f}"


def _info(data: InfoData) -> str:
    models = ", ".join(f"{one.name} {one.version}" for one in data.models.values())
    return f"emotiond {data.version}, models {models or 'none'}"


def _health(data: HealthData) -> str:
    stages = [f"{name} {one.per_s:.1f}/s {one.p50_ms:.1f} ms" for name, one in data.stages.items()]
    heat = [] if data.temperature_c is None else [f"{data.temperature_c:.0f} °C"]
    saving = [] if data.load.reason is None else [f"saves for {data.load.reason}"]
    return ", ".join(
        [
            *stages,
            f"CPU {data.cpu_percent:.0f}%",
            f"{data.rss_mb:.0f} MB",
            *heat,
            *saving,
            *(data.throttled or []),
            f"{data.delivery.waiting} events wait",
        ]
    )


def _error(data: ErrorData) -> str:
    return f"{data.command}: {data.reason}"


TOLD: dict[str, Callable[[Any], str]] = {
    "event": _event,
    "state": _state,
    "modality": _modality,
    "info": _info,
    "health": _health,
    "error": _error,
}
"""How the data of each message is put."""


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns under their headings."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
