"""What a message on `health` says of the daemon and its device."""

import os
from collections.abc import Mapping

from edge.machine import CpuShare, rss_mb, temperature_c, throttled
from edge.publish.messages import DeliveryData, HealthData, LoadData
from edge.publish.outbox import Delivery
from edge.service.meter import Meter


class Health:
    """Gathers what a message on `health` says."""

    def __init__(self, now_s: float) -> None:
        self._began_s = self._told_s = now_s
        self._cpu = CpuShare()

    def is_due(self, now_s: float, interval_s: float) -> bool:
        """Whether the last message is so long ago."""
        return now_s - self._told_s >= interval_s

    def data(
        self,
        now_s: float,
        meters: Mapping[str, Meter],
        dropped: Mapping[str, int],
        queued: Mapping[str, int],
        delivery: Delivery,
        load: LoadData,
    ) -> HealthData:
        """What is to be told now, of the time since it was told last."""
        over_s, self._told_s = now_s - self._told_s, now_s
        return HealthData(
            uptime_s=round(now_s - self._began_s, 1),
            stages={name: meter.read(over_s) for name, meter in meters.items()},
            dropped=dict(dropped),
            queued=dict(queued),
            delivery=DeliveryData(
                reconnects=max(delivery.sessions - 1, 0),
                acknowledged=delivery.acknowledged,
                waiting=delivery.waiting,
                unwritten=delivery.unwritten,
                dropped=delivery.dropped,
            ),
            load=load,
            rss_mb=round(rss_mb(os.getpid()), 1),
            cpu_percent=round(self._cpu.read_percent(over_s), 1),
            temperature_c=temperature_c(),
            throttled=throttled(),
        )
