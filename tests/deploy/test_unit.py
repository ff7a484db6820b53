"""systemd itself checks the unit, without running it."""

import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "emotiond.service"
WEB_UNIT = UNIT.with_name("emotiond-web.service")
DROP_INS = UNIT.parent / "drop-ins"
MAX_EXPOSURE = 1.3


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def systemd_version() -> int:
    found = re.match(r"systemd (\d+)", analyze("--version").stdout)
    assert found
    return int(found.group(1))


def installed(folder: Path, *drop_ins: str) -> Path:
    """Returns the unit with drop-ins, as on a device that has the program."""
    unit = folder / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/emotiond/current/bin/emotiond", "/bin/true"))
    (folder / f"{UNIT.name}.d").mkdir()
    for name in drop_ins:
        (folder / f"{UNIT.name}.d" / name).write_text((DROP_INS / name).read_text())
    return unit


@pytest.mark.parametrize("drop_ins", [[], ["jetson.conf"], ["backoff.conf"]])
def test_systemd_finds_no_error_in_the_unit(tmp_path: Path, drop_ins: list[str]) -> None:
    if "backoff.conf" in drop_ins and systemd_version() < 254:
        pytest.skip("install.sh installs it for systemd 254 and later")
    verdict = analyze("verify", str(installed(tmp_path, *drop_ins)))
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_the_template_for_more_cameras_differs_in_configuration_and_state(tmp_path: Path) -> None:
    unit, program = installed(tmp_path), UNIT.parents[1] / "deploy" / "install" / "template.sed"
    text = subprocess.check_output(["sed", "-f", str(program), str(unit)], text=True)
    changed = [
        line
        for line, before in zip(text.splitlines(), unit.read_text().splitlines(), strict=True)
        if line != before
    ]
    assert changed == [
        "Description=Reads emotions on the device and publishes them over MQTT (%i)",
        "ExecStart=/bin/true run --config /etc/emotiond/%i.yaml",
        "StateDirectory=emotiond-%i",
    ]
    template = tmp_path / "emotiond@.service"
    template.write_text(text)
    verdict = analyze("verify", str(template))
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_an_error_in_the_unit_would_be_found(tmp_path: Path) -> None:
    unit = installed(tmp_path)
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "WatchdogSecs" in analyze("verify", str(unit)).stdout


def test_the_service_has_a_limit_on_memory_leaves_no_core_and_serves_no_port() -> None:
    settings = UNIT.read_text().splitlines()
    assert {"MemoryMax=768M", "LimitCORE=0", "SocketBindDeny=any"} <= set(settings)


def test_the_exposure_of_the_service_is_low(tmp_path: Path) -> None:
    verdict = analyze("security", "--offline=true", "--no-pager", str(installed(tmp_path)))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", verdict.stdout)
    assert found, verdict.stdout
    assert float(found.group(1)) <= MAX_EXPOSURE


@pytest.fixture
def web_unit(tmp_path: Path) -> Path:
    unit = tmp_path / WEB_UNIT.name
    unit.write_text(WEB_UNIT.read_text().replace("/opt/emotiond/current/bin/emotiond", "/bin/true"))
    return unit


def test_systemd_finds_no_error_in_the_unit_of_the_page(web_unit: Path) -> None:
    verdict = analyze("verify", str(web_unit))
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_the_page_has_the_sandbox_of_the_daemon_without_devices(web_unit: Path) -> None:
    verdict = analyze("security", "--offline=true", "--no-pager", str(web_unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", verdict.stdout)
    assert found, verdict.stdout
    assert float(found.group(1)) <= MAX_EXPOSURE
    own, daemon = (set(unit.read_text().splitlines()) for unit in (WEB_UNIT, UNIT))
    sandbox = {
        line for line in daemon if re.match(r"(Protect|Private|Restrict|System|NoNew|Lock)", line)
    }
    assert sandbox <= own
    assert not {line for line in own if line.startswith(("DeviceAllow", "SupplementaryGroups"))}


def allowed_calls(unit: Path) -> set[str]:
    """Returns the system calls that a unit allows, its groups expanded."""
    calls: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.+)$", unit.read_text(), re.M):
        wanted = {call for name in line.lstrip("~").split() for call in expanded(name)}
        calls = calls - wanted if line.startswith("~") else calls | wanted
    return calls


def expanded(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    lines = analyze("syscall-filter", "--no-pager", name).stdout.splitlines()[1:]
    members = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {call for member in members for call in expanded(member)}


@pytest.mark.parametrize("unit", [UNIT, WEB_UNIT])
def test_processes_that_read_files_may_bound_their_memory(unit: Path) -> None:
    allowed = allowed_calls(unit)
    assert "prlimit64" in allowed  # by which the C library sets limits
    assert "setpriority" not in allowed
