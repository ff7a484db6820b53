from pathlib import Path

import pytest

from edge.machine import available_mb, memory_limit_mb, temperature_c, throttled


def test_temperature_is_that_of_the_hottest_sensor_that_answers(tmp_path: Path) -> None:
    assert temperature_c(tmp_path) is None
    zones = (
        ("CPU-therm\n", "48312\n"),
        ("GPU-therm\n", "61000\n"),
        ("iwlwifi_1\n", "asleep\n"),
        ("PMIC-Die\n", "100000\n"),
    )
    for number, (kind, text) in enumerate(zones):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(kind)
        (zone / "temp").write_text(text)
    assert temperature_c(tmp_path) == 61.0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0\n", []),
        ("50005\n", ["under_voltage", "throttled"]),
        ("0xa\n", ["frequency_capped", "soft_temperature_limit"]),
        ("?\n", None),
    ],
)
def test_a_raspberry_pis_flags_are_named(
    tmp_path: Path, text: str, names: list[str] | None
) -> None:
    assert throttled(tmp_path) is None
    folder = tmp_path / "soc" / "soc:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text(text)
    assert throttled(tmp_path) == names


def test_available_memory_is_what_the_kernel_estimates(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  900000 kB\nMemAvailable:  100000 kB\n")
    assert available_mb(meminfo) == 102.4
    assert available_mb() > 0


def test_the_memory_limit_is_the_smallest_of_those_around_the_process(tmp_path: Path) -> None:
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    service = groups / "system.slice" / "emotiond.service"
    service.mkdir(parents=True)
    own.write_text("0::/system.slice/emotiond.service\n")
    assert memory_limit_mb(own, groups) is None
    (service / "memory.max").write_text("768000000\n")
    (service.parent / "memory.max").write_text("max\n")
    assert memory_limit_mb(own, groups) == 768
    (service.parent / "memory.max").write_text("500000000\n")
    assert memory_limit_mb(own, groups) == 500
    assert memory_limit_mb(tmp_path / "missing", groups) is None
