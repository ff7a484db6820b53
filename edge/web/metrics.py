"""Figures of the server in Prometheus' text format 0.0.4."""

from collections import Counter
from collections.abc import Iterable, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[tuple[str, str], ...]
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counts requests and their durations."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._live: Counter[str] = Counter()

    def request(self, path: str, status: int, duration_s: float) -> None:
        """Counts one request; `path` is that of the endpoint, not what was asked for."""
        self._requests[path, status] += 1
        self._seconds[path] += duration_s  # type: ignore[assignment]
        for bucket_s in BUCKETS_S:
            self._buckets[path, bucket_s] += duration_s <= bucket_s

    def live_input(self, kind: str) -> None:
        """Counts one picture, sound or text of a live page."""
        self._live[kind] += 1

    def render(self, gauges: Mapping[str, tuple[str, float]], devices: Iterable[str]) -> str:
        """Returns everything; `gauges` are values with their help, by name."""
        lines = []
        for name, (text, value) in gauges.items():
            lines += [*_head(name, "gauge", text), f"emotiond_web_{name} {value:g}"]
        lines += _head("requests_total", "counter", "Requests, by endpoint and status.")
        for (path, status), count in sorted(self._requests.items()):
            lines.append(_line("requests_total", (("path", path), ("status", str(status))), count))
        lines += _head("request_seconds", "histogram", "Durations of requests, by endpoint.")
        for path in sorted(self._seconds):
            total = sum(count for (one, _), count in self._requests.items() if one == path)
            for bucket_s in BUCKETS_S:
                labels = (("path", path), ("le", f"{bucket_s:g}"))
                count = self._buckets[path, bucket_s]
                lines.append(_line("request_seconds_bucket", labels, count))
            labels = (("path", path), ("le", "+Inf"))
            lines.append(_line("request_seconds_bucket", labels, total))
            lines.append(_line("request_seconds_sum", labels[:1], self._seconds[path]))
            lines.append(_line("request_seconds_count", labels[:1], total))
        lines += _head("live_inputs_total", "counter", "Inputs of live pages, by kind.")
        lines += [
            _line("live_inputs_total", (("kind", kind),), count)
            for kind, count in sorted(self._live.items())
        ]
        return "\n".join([*lines, *devices, ""])


def device_lines(statuses: Mapping[str, bool]) -> list[str]:
    """Returns a gauge of each device: 1 while it is online."""
    return [
        *_head("device_online", "gauge", "1 while a device is online."),
        *(_line("device_online", (("device", name),), on) for name, on in statuses.items()),
    ]


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP emotiond_web_{name} {text}", f"# TYPE emotiond_web_{name} {kind}"]


def _line(name: str, labels: Labels, value: float) -> str:
    escaped = ",".join(
        '{}="{}"'.format(key, one.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
        for key, one in labels
    )
    return f"emotiond_web_{name}{{{escaped}}} {float(value):g}"
