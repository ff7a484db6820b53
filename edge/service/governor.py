"""Keeps the daemon within its share of the processor, and the device from overheating."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from edge.capture.pace import Pace
from edge.config import Config, Load
from edge.machine import CpuShare, temperature_c, throttled
from edge.publish.messages import LoadData, LoadReason

logger = logging.getLogger(__name__)

LEVELS: tuple[tuple[int, int], ...] = ((1, 1), (2, 1), (4, 1), (4, 2), (4, 4), (4, 8))
"""By level: so many times fewer detections a frame, and so many times fewer frames.

Faces are found by the dearest stage and followed by a cheaper one between, so detections give way
first. What is heard and read costs too little to be worth saving.
"""
LOWEST_FPS = 1.0
MOST_FRAMES_UNDETECTED = 60
INTERVAL_S = 5.0
"""From one look at the load to the next."""
COOL_BY_C = 5.0
EASY_SHARE = 0.8
"""It is calm below this share of the budget, and this much below the highest temperature."""
PATIENCE_S, LONGEST_PATIENCE_S = 30.0, 600.0
"""Calm for so long, a level is given back; twice as long after one that had to be taken again."""
COOLING_S = 30.0
"""Heat follows the load slowly: so long is waited for a level's effect before the next."""
SLOWING_DOWN = {"throttled", "frequency_capped", "soft_temperature_limit"}
"""Those flags of a Raspberry Pi that tell of heat, unless its supply is too weak."""
WEAK_SUPPLY = "under_voltage"


@dataclass(frozen=True)
class Reading:
    """How loaded the device was over the last interval."""

    cpu_percent: float
    """Of one core, by this process."""
    temperature_c: float | None = None
    throttled: Collection[str] = ()


class Governor:
    """Decides how far to save: level 0 asks for all that is configured. Pure but for its state."""

    def __init__(self, config: Load) -> None:
        self._config = config
        self.level = 0
        self.reason: LoadReason | None = None
        """Why the last level was taken; None at level 0."""
        self._calm_since_s: float | None = None
        self._taken_s = self._eased_s = float("-inf")
        self._patience_s = PATIENCE_S

    def step(self, now_s: float, reading: Reading) -> None:
        """Takes a level where a bound is passed, gives one back after a long calm."""
        reason = self._excess(reading)
        if reason is not None:
            self._calm_since_s = None
            lag_s = 0.0 if reason == "cpu" else COOLING_S
            if self.level < len(LEVELS) - 1 and now_s - self._taken_s >= lag_s:
                self._take(now_s, reason)
        elif not self._is_calm(reading):
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        elif self.level and now_s - self._calm_since_s >= self._patience_s:
            self._give_back(now_s)

    def _take(self, now_s: float, reason: LoadReason) -> None:
        long_s = 2 * self._patience_s
        if now_s - self._eased_s < long_s:
            self._patience_s = min(long_s, LONGEST_PATIENCE_S)
            self._eased_s = float("-inf")  # the next level of this climb is no other relapse
        elif now_s - self._taken_s > long_s:
            self._patience_s = PATIENCE_S
        self._taken_s = now_s
        self.level, self.reason = self.level + 1, reason

    def _give_back(self, now_s: float) -> None:
        self.level -= 1
        self.reason = self.reason if self.level else None
        self._calm_since_s, self._eased_s = now_s, now_s

    def _excess(self, reading: Reading) -> LoadReason | None:
        if (reading.temperature_c or 0.0) > self._config.max_temperature_c:
            return "temperature"
        if SLOWING_DOWN.intersection(reading.throttled) and WEAK_SUPPLY not in reading.throttled:
            return "throttled"
        return "cpu" if reading.cpu_percent > self._config.max_cpu_percent else None

    def _is_calm(self, reading: Reading) -> bool:
        cool = (reading.temperature_c or 0.0) < self._config.max_temperature_c - COOL_BY_C
        return cool and reading.cpu_percent < EASY_SHARE * self._config.max_cpu_percent


class LoadControl:
    """Measures the load of this process now and then, and sets the pace by it."""

    def __init__(self, config: Config) -> None:
        self._governor = Governor(config.load)
        self._fps, self._detect_every = config.camera.fps, config.models.face.detect_every
        self.pace = Pace(self._fps, self._detect_every)
        """What camera and face model are to keep to."""
        self._looked_s: float | None = None
        self._cpu = CpuShare()

    def control(self, now_s: float) -> None:
        """Looks at the load if that is due; to be called often, once the start is over."""
        if self._looked_s is None:
            self._looked_s, self._cpu = now_s, CpuShare()
        over_s = now_s - self._looked_s
        if over_s < INTERVAL_S:
            return
        self._looked_s, percent = now_s, self._cpu.read_percent(over_s)
        before = self._governor.level
        self._governor.step(now_s, Reading(percent, temperature_c(), throttled() or ()))
        if self._governor.level != before:
            self._set_pace()
            told = self.data
            logger.info(
                "load: level %d of %d (%s; %.0f %% of a core): %.1f frames a second, faces are "
                "detected in every %d.",
                told.level,
                len(LEVELS) - 1,
                told.reason or "all is well",
                percent,
                told.fps,
                told.detect_every,
            )

    @property
    def data(self) -> LoadData:
        """How far it saves at present, and why."""
        governor, pace = self._governor, self.pace
        return LoadData(
            level=governor.level,
            reason=governor.reason,
            fps=round(pace.fps, 2),
            detect_every=pace.detect_every,
        )

    def _set_pace(self) -> None:
        fewer_detections, fewer_frames = LEVELS[self._governor.level]
        lowest_fps = min(self._fps, LOWEST_FPS)
        self.pace.fps = max(self._fps / fewer_frames, lowest_fps)
        self.pace.detect_every = min(self._detect_every * fewer_detections, MOST_FRAMES_UNDETECTED)
