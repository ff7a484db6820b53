"""Counts what a device writes into Home Assistant's database: `python benchmarks/recorder_rows.py`.

The daemon runs on a looping clip of a lively face for `--minutes`. Home Assistant's recorder adds a
row when an entity's state or attributes change. So this renders the templates that the device
announces, with Jinja, for each message that it publishes, and counts those whose result differs
from the one before. Home Assistant itself does not run.
"""

import argparse
import json
import time
from collections import Counter
from typing import Any

import jinja2

from benchmarks.harness.device import NAME, Device, device
from edge.commands.terminal import table
from edge.config import Mqtt
from edge.publish.entities import Shown, components


class Recorder:
    """Counts the rows of each entity."""

    def __init__(self) -> None:
        environment = jinja2.Environment(autoescape=False)  # noqa: S701 - it renders no HTML
        environment.filters["tojson"] = json.dumps
        self.rows: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._entities = [
            (
                str(part["name"]),
                part["state_topic"],
                [
                    environment.from_string(part[key])
                    for key in ("value_template", "json_attributes_template")
                    if key in part
                ],
                part["platform"] == "event",
            )
            for part in components(Mqtt(device=NAME), Shown()).values()
            if "state_topic" in part
        ]

    def add(self, topic: str, payload: str) -> None:
        """Adds a message."""
        for name, state_topic, templates, is_event in self._entities:
            if topic == state_topic:
                state = "".join(one.render(**_variables(payload)) for one in templates)
                before = self._last.setdefault(name, state)  # the first one is not counted
                self.rows[name] += bool(state) if is_event else state != before
                self._last[name] = state


def _variables(payload: str) -> dict[str, Any]:
    return {"value": payload, "value_json": json.loads(payload) if payload[:1] == "{" else None}


def watch(bench: Device, duration_s: float) -> Recorder:
    """Counts the rows of `duration_s`, from the first event on."""
    recorder = Recorder()
    bench.subscriber.until("/event", timeout_s=60)
    until_s = time.monotonic() + duration_s
    while time.monotonic() < until_s:
        for topic, payload in bench.subscriber.receive(1, timeout_s=60):
            recorder.add(topic, payload)
    return recorder


def main() -> None:
    """Prints the rows an hour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--min-interval-s", type=float, default=Mqtt().min_interval_s)
    options = parser.parse_args()
    with device(Mqtt().health_interval_s, mqtt={"min_interval_s": options.min_interval_s}) as bench:
        recorder = watch(bench, 60 * options.minutes)
    rows = [(name, f"{60 * n / options.minutes:.0f}") for name, n in recorder.rows.most_common()]
    total = f"{60 * recorder.rows.total() / options.minutes:.0f}"
    print(table(("entity", "rows an hour"), [*rows, ("all", total)]))


if __name__ == "__main__":
    main()
