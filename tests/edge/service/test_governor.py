import itertools
import logging
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Camera, Config, Face, Load, Models
from edge.service.governor import (
    COOLING_S,
    INTERVAL_S,
    LEVELS,
    MAX_RECOVERY_S,
    RECOVERY_S,
    Governor,
    LoadControl,
    Reading,
)

BUDGET = Load(max_cpu_percent=50.0, max_temperature_c=80.0)


class Device:
    """A device whose load follows from the level that is chosen for it."""

    def __init__(self, reading: Callable[[int], Reading]) -> None:
        self.governor, self._reading, self.now_s = Governor(BUDGET), reading, 0.0

    def run(self, duration_s: float) -> list[int]:
        """Returns the level after each step."""
        levels = []
        for _ in range(round(duration_s / INTERVAL_S)):
            self.now_s += INTERVAL_S
            self.governor.step(self.now_s, self._reading(self.governor.level))
            levels.append(self.governor.level)
        return levels


def test_within_its_budget_all_that_is_configured_is_asked_for() -> None:
    device = Device(lambda level: Reading(50.0, 79.0, ["under_voltage"]))
    assert set(device.run(3600)) == {0}
    assert device.governor.reason is None


def test_beyond_the_budget_one_level_is_taken_at_every_look_up_to_the_last() -> None:
    device = Device(lambda level: Reading(50.1))
    assert device.run(INTERVAL_S * 8) == [1, 2, 3, 4, 5, 5, 5, 5]
    assert device.governor.reason == "cpu"


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading(1.0, 80.1), "temperature"),
        (Reading(1.0, 20.0, ["throttled"]), "throttled"),
        (Reading(1.0, None, ["frequency_capped"]), "throttled"),
    ],
)
def test_heat_follows_slowly_and_so_do_the_levels_taken_for_it(
    reading: Reading, reason: str
) -> None:
    device = Device(lambda level: reading)
    assert device.run(COOLING_S * 2 + INTERVAL_S) == [1] * 6 + [2] * 6 + [3]
    assert device.governor.reason == reason


def test_a_weak_power_supply_does_not_reduce_the_work() -> None:
    device = Device(lambda level: Reading(1.0, 40.0, ["under_voltage", "throttled"]))
    assert set(device.run(600)) == {0}


def test_several_levels_reduced_again_at_once_are_one_relapse() -> None:
    busy = True
    device = Device(lambda level: Reading(90.0 if busy and level < 3 else 5.0))
    device.run(INTERVAL_S * 3)
    busy = False
    device.run(3 * RECOVERY_S + INTERVAL_S)
    busy = True
    device.run(INTERVAL_S * 3)
    busy = False
    levels = device.run(2 * RECOVERY_S + INTERVAL_S)
    assert (levels[0], levels[-2], levels[-1]) == (3, 3, 2)


def test_it_stays_where_the_budget_is_kept_but_would_not_be_with_more() -> None:
    device = Device(lambda level: Reading(80.0 / 1.3**level))
    levels = device.run(3600)
    assert levels[-1] == 2
    assert levels == sorted(levels)


def test_a_level_is_given_back_after_a_calm_and_all_of_them_in_the_end() -> None:
    busy = True
    device = Device(lambda level: Reading(90.0 if busy else 5.0, 60.0))
    device.run(INTERVAL_S * 3)
    busy = False
    assert device.run(RECOVERY_S) == [3] * round(RECOVERY_S / INTERVAL_S)
    assert device.run(INTERVAL_S)[-1] == 2
    device.run(2 * RECOVERY_S)
    assert (device.governor.level, device.governor.reason) == (0, None)


def test_a_hot_device_comes_back_only_when_it_has_cooled_down() -> None:
    temperature_c = 85.0
    device = Device(lambda level: Reading(5.0, temperature_c))
    device.run(INTERVAL_S)
    temperature_c = 77.0
    assert set(device.run(600)) == {1}
    temperature_c = 74.0
    assert device.run(RECOVERY_S + INTERVAL_S)[-1] == 0


def test_a_level_that_relapses_is_tried_less_and_less_often() -> None:
    device = Device(lambda level: Reading(60.0 if level < 2 else 10.0))
    levels = device.run(4 * 3600)
    tries = [at for at, (a, b) in enumerate(itertools.pairwise(levels)) if b < a]
    waits_s = [INTERVAL_S * (b - a) for a, b in itertools.pairwise(tries)]
    assert waits_s[0] == pytest.approx(2 * RECOVERY_S, abs=3 * INTERVAL_S)
    assert waits_s[-1] == pytest.approx(MAX_RECOVERY_S, abs=3 * INTERVAL_S)
    assert len(tries) < 32


@given(
    st.lists(
        st.builds(
            Reading,
            st.floats(0, 1e6),
            st.none() | st.floats(-50, 200),
            st.lists(st.sampled_from(["throttled", "under_voltage"])),
        ),
        max_size=60,
    )
)
def test_no_readings_take_it_out_of_its_levels(readings: list[Reading]) -> None:
    governor = Governor(BUDGET)
    for number, reading in enumerate(readings):
        before = governor.level
        governor.step(number * INTERVAL_S, reading)
        assert 0 <= governor.level < len(LEVELS)
        assert abs(governor.level - before) <= 1
        assert (governor.reason is None) == (governor.level == 0)


def test_control_measures_this_process_and_sets_the_pace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    config = Config(
        camera=Camera(fps=15.0),
        models=Models(face=Face(detect_every=2)),
        load=Load(max_cpu_percent=1e-3, max_temperature_c=120.0),
    )
    control = LoadControl(config)
    control.control(0.0)
    sum(math.sqrt(number) for number in range(200_000))
    control.control(INTERVAL_S - 0.1)
    assert (control.pace.fps, control.pace.detect_every) == (15.0, 2)
    for look in range(1, 10):
        sum(math.sqrt(number) for number in range(10_000))
        control.control(look * INTERVAL_S)
    assert (control.pace.fps, control.pace.detect_every) == (15.0 / 8, 8)
    load = control.data
    assert (load.level, load.reason, load.fps) == (5, "cpu", 1.88)
    assert len(caplog.messages) == 5
    assert caplog.messages[0].startswith("load: level 1 of 5 (cpu;")


def test_a_slow_camera_is_not_slowed_down_further() -> None:
    config = Config(camera=Camera(fps=0.5), load=Load(max_cpu_percent=1e-3))
    control = LoadControl(config)
    control.control(0.0)
    for look in range(1, 10):
        sum(math.sqrt(number) for number in range(10_000))
        control.control(look * INTERVAL_S)
    assert (control.data.level, control.pace.fps) == (5, 0.5)
