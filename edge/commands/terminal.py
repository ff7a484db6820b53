"""Formats messages and tables for a terminal."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import msgspec

from edge.logs import printable
from edge.publish.messages import SCHEMAS, EventMessage
from edge.publish.payloads import (
    ErrorData,
    EventData,
    HealthData,
    InfoData,
    ModalityData,
    ModelsData,
    StateData,
)


def event_line(event: EventMessage) -> str:
    """Formats an event as one line."""
    return f"{_time(event.time)}  {_event(event.data)}"


def message_line(device: str, name: str, payload: bytes, retained: bool) -> str:
    """Formats any message of a device as one line; `name` is the topic below the device's."""
    line = _line(device, name, payload, retained)
    return printable(line)


def _line(device: str, name: str, payload: bytes, retained: bool) -> str:
    below, _, last = name.rpartition("/")
    kind = "modality" if below and last == "state" else name
    if kind not in SCHEMAS:
        text = payload.decode(errors="replace") + (" (retained)" if retained else "")
        return f"{'':<12}  {device}  {name:<13} {text}"
    try:
        message: Any = msgspec.json.decode(payload, type=SCHEMAS[kind])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{'':<12}  {device}  {name:<13} {len(payload)} bytes of another version"
    return f"{_time(message.time)}  {device}  {name:<13} {_summary(message.data)}"


def _time(utc: str) -> str:
    return utc[11:23]


def _shares(contributions: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in contributions.items())


@singledispatch
def _summary(data: Any) -> str:
    """Formats the data of a message; one function for each type."""
    raise TypeError(f"no summary of {type(data).__name__}")


@_summary.register
def _event(data: EventData) -> str:
    return (
        f"{data.phase:<6} {data.emotion:<8} {data.confidence:4.0%}  {data.duration_s:4.1f} s  "
        f"{_shares(data.contributions)}"
    )


@_summary.register
def _state(data: StateData) -> str:
    if data.paused:
        return "paused: nothing is captured"
    return (
        f"{data.emotion:<8} {data.confidence:4.0%}  valence {data.valence:+.2f}, arousal "
        f"{data.arousal:+.2f}, {data.faces} faces  {_shares(data.contributions)}"
    ).rstrip()


@_summary.register
def _modality(data: ModalityData) -> str:
    return f"{data.emotion:<8} {data.confidence:4.0%}  quality {data.quality:.2f}"


@_summary.register
def _info(data: InfoData) -> str:
    models = ", ".join(f"{one.name} {one.version}" for one in data.models.values())
    return f"emotiond {data.version}, models {models or 'none'}"


@_summary.register
def _models(data: ModelsData) -> str:
    wanted = f" {data.wanted}" if data.wanted else ""
    reason = f": {data.reason}" if data.reason else ""
    return f"{data.state}{wanted}{reason}; in use: {data.version or 'models.folder'}"


@_summary.register
def _health(data: HealthData) -> str:
    stages = [f"{name} {one.per_s:.1f}/s {one.p50_ms:.1f} ms" for name, one in data.stages.items()]
    heat = [] if data.temperature_c is None else [f"{data.temperature_c:.0f} °C"]
    saving = [] if data.load.reason is None else [f"reduced because of {data.load.reason}"]
    return ", ".join(
        [
            *stages,
            f"CPU {data.cpu_percent:.0f}%",
            f"{data.rss_mb:.0f} MB",
            *heat,
            *saving,
            *(data.throttled or []),
            f"{data.delivery.waiting} events waiting",
        ]
    )


@_summary.register
def _error(data: ErrorData) -> str:
    return f"{data.command}: {data.reason}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats rows in aligned columns under their headings."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
