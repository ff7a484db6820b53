"""Keeps the daemon within its CPU budget and the device from overheating."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from edge.capture.control import Pace
from edge.config import Config, Load
from edge.machine import CpuShare, temperature_c, throttled
from edge.publish.payloads import LoadData, LoadReason

logger = logging.getLogger(__name__)

LEVELS: tuple[tuple[int, int], ...] = ((1, 1), (2, 1), (4, 1), (4, 2), (4, 4), (4, 8))
"""By level: the factors by which detections per frame, and frames, are reduced.

Detection is the most expensive stage, and faces can be followed cheaply between detections, so
detections are reduced first. Sound and text cost too little to be worth reducing.
"""
MIN_FPS = 1.0
MAX_DETECT_EVERY = 60
INTERVAL_S = 5.0
"""Interval of measuring the load."""
TEMPERATURE_MARGIN_C = 5.0
CALM_CPU_SHARE = 0.8
"""Calm means below this share of the CPU budget and this far below the highest temperature."""
RECOVERY_S, MAX_RECOVERY_S = 30.0, 600.0
"""Calm time before stepping down a level; doubled after each relapse."""
COOLING_S = 30.0
"""Time for a level to take effect on the temperature before the next one."""
SLOWING_DOWN = {"throttled", "frequency_capped", "soft_temperature_limit"}
"""Flags of a Raspberry Pi that indicate heat, unless its power supply is too weak."""
WEAK_SUPPLY = "under_voltage"


@dataclass(frozen=True)
class Reading:
    """Load of the device over the last interval."""

    cpu_percent: float
    """CPU time of this process, percent of one core."""
    temperature_c: float | None = None
    throttled: Collection[str] = ()


class Governor:
    """Decides the level of reduction; level 0 runs everything as configured. Does no I/O."""

    def __init__(self, config: Load) -> None:
        self._config = config
        self.level = 0
        self.reason: LoadReason | None = None
        """Cause of the last step up; None at level 0."""
        self._calm_since_s: float | None = None
        self._raised_s = self._lowered_s = float("-inf")
        self._recovery_s = RECOVERY_S

    def step(self, now_s: float, reading: Reading) -> None:
        """Steps up when a limit is exceeded, and down after a calm period."""
        reason = self._excess(reading)
        if reason is not None:
            self._calm_since_s = None
            lag_s = 0.0 if reason == "cpu" else COOLING_S
            if self.level < len(LEVELS) - 1 and now_s - self._raised_s >= lag_s:
                self._raise(now_s, reason)
        elif not self._is_calm(reading):
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        elif self.level and now_s - self._calm_since_s >= self._recovery_s:
            self._lower(now_s)

    def _raise(self, now_s: float, reason: LoadReason) -> None:
        long_s = 2 * self._recovery_s
        if now_s - self._lowered_s < long_s:
            self._recovery_s = min(long_s, MAX_RECOVERY_S)
            self._lowered_s = float("-inf")  # further steps up belong to the same relapse
        elif now_s - self._raised_s > long_s:
            self._recovery_s = RECOVERY_S
        self._raised_s = now_s
        self.level, self.reason = self.level + 1, reason

    def _lower(self, now_s: float) -> None:
        self.level -= 1
        self.reason = self.reason if self.level else None
        self._calm_since_s, self._lowered_s = now_s, now_s

    def _excess(self, reading: Reading) -> LoadReason | None:
        if (reading.temperature_c or 0.0) > self._config.max_temperature_c:
            return "temperature"
        if SLOWING_DOWN.intersection(reading.throttled) and WEAK_SUPPLY not in reading.throttled:
            return "throttled"
        return "cpu" if reading.cpu_percent > self._config.max_cpu_percent else None

    def _is_calm(self, reading: Reading) -> bool:
        calm_below_c = self._config.max_temperature_c - TEMPERATURE_MARGIN_C
        is_cool = (reading.temperature_c or 0.0) < calm_below_c
        return is_cool and reading.cpu_percent < CALM_CPU_SHARE * self._config.max_cpu_percent


class LoadControl:
    """Measures the load of this process periodically and sets the pace accordingly."""

    def __init__(self, config: Config) -> None:
        self._governor = Governor(config.load)
        self._fps, self._detect_every = config.camera.fps, config.models.face.detect_every
        self.pace = Pace(self._fps, self._detect_every)
        """Limits for the camera and the face model."""
        self._measured_s: float | None = None
        self._cpu = CpuShare()

    def control(self, now_s: float) -> None:
        """Measures the load if that is due; call it often, from the end of the start on."""
        if self._measured_s is None:
            self._measured_s, self._cpu = now_s, CpuShare()
        over_s = now_s - self._measured_s
        if over_s < INTERVAL_S:
            return
        self._measured_s, percent = now_s, self._cpu.read_percent(over_s)
        before = self._governor.level
        self._governor.step(now_s, Reading(percent, temperature_c(), throttled() or ()))
        if self._governor.level != before:
            self._set_pace()
            data = self.data
            logger.info(
                "load: level %d of %d (%s; %.0f %% of a core): %.1f frames per second, detection "
                "every %d frames",
                data.level,
                len(LEVELS) - 1,
                data.reason or "no limit exceeded",
                percent,
                data.fps,
                data.detect_every,
            )

    @property
    def data(self) -> LoadData:
        """Current level, its cause, and the limits that follow from it."""
        governor, pace = self._governor, self.pace
        return LoadData(
            level=governor.level,
            reason=governor.reason,
            fps=round(pace.fps, 2),
            detect_every=pace.detect_every,
        )

    def _set_pace(self) -> None:
        fewer_detections, fewer_frames = LEVELS[self._governor.level]
        lowest_fps = min(self._fps, MIN_FPS)
        self.pace.fps = max(self._fps / fewer_frames, lowest_fps)
        self.pace.detect_every = min(self._detect_every * fewer_detections, MAX_DETECT_EVERY)
