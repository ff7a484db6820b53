"""Switching and rolling back releases, with a script in place of systemd."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEMCTL = """#!/bin/sh
# Starts every release except those named broken.
echo "$*" >>"$CALLS"
case $1 in
--version) echo "systemd 252 (252)" ;;
restart) case $(readlink "$BASE/current") in *broken*) exit 1 ;; esac ;;
esac
"""
SETTINGS = """
set -euo pipefail
base=$BASE units=$BASE/units program=$BASE/emotiond config=$BASE/emotiond.yaml
dry_run='' no_start='' purge='' wheels='' settle_s=0
for part in common checks release service; do . "deploy/install/$part.sh"; done
settle_s=0
"""


class Device:
    """A folder in place of /opt/emotiond."""

    def __init__(self, folder: Path) -> None:
        self.base = folder / "emotiond"
        (self.base / "releases").mkdir(parents=True)
        self._programs = folder / "programs"
        self._programs.mkdir()
        self.calls = folder / "calls"
        self.program("systemctl", SYSTEMCTL)
        self.program("journalctl", "#!/bin/sh\necho why\n")

    def program(self, name: str, script: str) -> None:
        file = self._programs / name
        file.write_text(script)
        file.chmod(0o755)

    def make(self, name: str) -> None:
        systemd = self.base / "releases" / name / "systemd"
        systemd.mkdir(parents=True)
        (systemd / "emotiond.service").write_text(f"# {name}\n")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", SETTINGS + command],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={
                "PATH": f"{self._programs}:/usr/sbin:/usr/bin:/bin",
                "BASE": str(self.base),
                "CALLS": str(self.calls),
            },
        )

    def link(self, name: str) -> str | None:
        link = self.base / name
        return link.readlink().name if link.is_symlink() else None

    @property
    def unit(self) -> str:
        return (self.base / "units" / "emotiond.service").read_text()


@pytest.fixture
def device(tmp_path: Path) -> Device:
    device = Device(tmp_path)
    for name in ("1", "2", "3-broken"):
        device.make(name)
    return device


def test_a_release_that_becomes_ready_keeps_the_previous_one(device: Device) -> None:
    assert device.run("switch_to 1").returncode == 0
    assert (device.link("current"), device.link("previous")) == ("1", None)
    assert device.run("switch_to 2").returncode == 0
    assert (device.link("current"), device.link("previous")) == ("2", "1")
    assert device.unit == "# 2\n"
    assert "restart emotiond" in device.calls.read_text()


def test_a_release_that_does_not_become_ready_is_rolled_back(device: Device) -> None:
    device.run("switch_to 1")
    device.run("switch_to 2")
    found = device.run("switch_to 3-broken")
    assert found.returncode == 1
    assert "release 3-broken did not become ready; release 2 is running again" in found.stderr
    assert "why" in found.stderr
    assert (device.link("current"), device.link("previous")) == ("2", "1")
    assert device.unit == "# 2\n"


def test_after_an_interrupted_switch_the_previous_release_is_still_rolled_back_to(
    device: Device,
) -> None:
    device.run("switch_to 1")
    device.run("switch_to 2")
    device.run("point previous 2; activate 3-broken")
    found = device.run("switch_to 3-broken")
    assert "release 3-broken did not become ready; release 2 is running again" in found.stderr
    assert (device.link("current"), device.link("previous")) == ("2", None)


def test_an_interrupted_switch_is_repeated_although_the_service_runs(device: Device) -> None:
    device.run("switch_to 1")
    device.run("point previous 1; activate 2")
    deploy = "release=$base/releases/2; for step in check_device name_release make_release "
    deploy += 'check_config show_new_keys report_online; do eval "$step() { :; }"; done; deploy'
    assert "release 2 is ready" in device.run(deploy).stdout
    assert "release 2 is already running" in device.run(deploy).stdout


def test_the_journal_is_shown_to_a_user_who_may_not_synchronise_it(device: Device) -> None:
    device.program("journalctl", '#!/bin/sh\n[ "$1" != --sync ] || exit 1\necho why\n')
    assert "why" in device.run("show_journal").stderr


def test_a_first_release_that_fails_stays_to_be_fixed(device: Device) -> None:
    found = device.run("switch_to 3-broken")
    assert found.returncode == 1
    assert "systemctl restart emotiond" in found.stderr
    assert device.link("current") == "3-broken"


def test_rolling_back_twice_returns(device: Device) -> None:
    device.run("switch_to 1")
    device.run("switch_to 2")
    device.run("switch_to 1")
    assert (device.link("current"), device.link("previous")) == ("1", "2")


def test_only_two_releases_are_kept(device: Device) -> None:
    device.run("switch_to 1")
    device.run("switch_to 2")
    device.make("4")
    assert device.run("switch_to 4; prune_releases").returncode == 0
    assert sorted(file.name for file in (device.base / "releases").iterdir()) == ["2", "4"]


def test_nothing_is_started_for_an_image(device: Device) -> None:
    found = device.run("no_start=yes; switch_to 1")
    assert "will start at boot" in found.stdout
    assert "restart" not in device.calls.read_text()
    assert "enable emotiond" in device.calls.read_text()


def test_a_configuration_is_never_overwritten(device: Device) -> None:
    own = device.base / "emotiond.yaml"
    own.write_text("# mine\n")
    assert device.run("install_config").returncode == 0
    assert own.read_text() == "# mine\n"
    own.unlink()
    assert device.run("install_config").returncode == 0
    assert own.read_text() == (ROOT / "configs" / "service.yaml").read_text()


def test_the_same_source_gives_the_same_release_and_another_a_new_one(device: Device) -> None:
    named = 'python=python3; name_release; mkdir -p "$release"; echo "$content" '
    ask = named + '>"$release/content"; name_release; echo "$release"'
    first = device.run(ask).stdout
    assert first == device.run(ask).stdout
    other = device.run("content_hash() { echo 0123456789abcdef; }; " + ask).stdout
    assert other == first.rstrip() + "+01234567\n"
