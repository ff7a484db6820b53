"""Collects the data of `health` messages."""

import os
from collections.abc import Mapping

from edge.machine import CpuShare, rss_mb, temperature_c, throttled
from edge.publish.payloads import DeliveryData, HealthData, LoadData
from edge.service.meter import Meter


class Health:
    """Collects the data of `health` messages, each about the time since the one before."""

    def __init__(self, now_s: float) -> None:
        self._started_s = self._reported_s = now_s
        self._cpu = CpuShare()

    def is_due(self, now_s: float, interval_s: float) -> bool:
        """Returns whether `interval_s` has passed since the last message."""
        return now_s - self._reported_s >= interval_s

    def data(
        self,
        now_s: float,
        meters: Mapping[str, Meter],
        dropped: Mapping[str, int],
        queued: Mapping[str, int],
        delivery: DeliveryData,
        load: LoadData,
    ) -> HealthData:
        """Returns the data of the message that is due now."""
        over_s, self._reported_s = now_s - self._reported_s, now_s
        return HealthData(
            uptime_s=round(now_s - self._started_s, 1),
            stages={name: meter.read(over_s) for name, meter in meters.items()},
            dropped=dict(dropped),
            queued=dict(queued),
            delivery=delivery,
            load=load,
            rss_mb=round(rss_mb(os.getpid()), 1),
            cpu_percent=round(self._cpu.read_percent(over_s), 1),
            temperature_c=temperature_c(),
            throttled=throttled(),
        )
