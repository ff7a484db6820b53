"""install.sh as a user runs it, as far as it only checks; a real install needs a device."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEVICE = ["--dry-run", "--no-start"]
SYSTEM_PYTHON = "/usr/bin/python3"


def install(
    *arguments: str, programs: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs install.sh; the folder `programs` takes precedence over the system's programs."""
    path = f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"]
    return subprocess.run(
        [str(ROOT / "install.sh"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path, "PYTHON": SYSTEM_PYTHON} | environment,
    )


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def refusal(found: subprocess.CompletedProcess[str]) -> str:
    assert found.returncode == 1, found.stdout + found.stderr
    assert "would run" not in found.stdout
    assert "remedy: " in found.stderr
    return found.stderr


def test_a_32_bit_system_is_refused(tmp_path: Path) -> None:
    program(tmp_path, "getconf", "echo 32")
    program(tmp_path, "uname", "echo aarch64")
    message = refusal(install(*DEVICE, programs=tmp_path))
    assert "this is a 32-bit system (aarch64)" in message
    assert "64-bit edition" in message


def test_a_processor_without_litert_is_refused(tmp_path: Path) -> None:
    program(tmp_path, "getconf", "echo 64")
    program(tmp_path, "uname", "echo riscv64")
    assert "processor, riscv64" in refusal(install(*DEVICE, programs=tmp_path))


def test_python_too_old_is_refused_with_its_version(tmp_path: Path) -> None:
    old = program(tmp_path, "old", '[ "$1" = -V ] && echo Python 3.9.2 && exit; exit 1')
    message = refusal(install(*DEVICE, PYTHON=str(old)))
    assert "Python 3.10 or newer is required (found: Python 3.9.2)" in message


def test_a_python_in_a_home_is_refused_because_the_service_cannot_read_it(tmp_path: Path) -> None:
    own = program(tmp_path, "own", "echo /home/pi/.pyenv")
    assert "is in /home/pi/.pyenv" in refusal(install(*DEVICE, PYTHON=str(own)))


def test_a_full_disk_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    program(tmp_path, "df", "echo Avail; echo 12")
    assert "only 12 MiB are free" in refusal(install(*DEVICE, programs=tmp_path))


def test_a_system_without_a_running_systemd_is_refused_with_the_option_for_images() -> None:
    if Path("/run/systemd/system").exists():
        pytest.skip("systemd runs this system")
    assert "--no-start" in refusal(install("--dry-run"))


def test_a_folder_without_the_package_is_refused(tmp_path: Path) -> None:
    message = refusal(install(*DEVICE, "--wheels", str(tmp_path)))
    assert f"no emotiond-*.whl in {tmp_path}" in message
    assert "pip wheel" in message


@pytest.mark.parametrize(
    "arguments", [["instal"], ["install", "upgrade"], ["--wheels"], ["--wheels", "/nowhere"]]
)
def test_a_wrong_command_line_shows_the_usage(arguments: list[str]) -> None:
    found = install(*arguments)
    assert found.returncode == 2
    assert "usage: sudo ./install.sh" in found.stderr


def test_a_dry_run_shows_every_step_and_does_none() -> None:
    places = [Path("/opt/emotiond"), Path("/etc/emotiond"), Path("/usr/local/lib/systemd")]
    before = [sorted(map(str, place.rglob("*"))) for place in places]
    found = install(*DEVICE)
    assert found.returncode == 0, found.stderr
    steps = [
        "-m venv /opt/emotiond/releases/",
        "-m pip --disable-pip-version-check wheel --quiet",
        "-m pip --disable-pip-version-check install --quiet --no-index",
        "check-config /etc/emotiond/emotiond.yaml",
        "mv -T /opt/emotiond/current.new /opt/emotiond/current",
        "/usr/local/lib/systemd/system/emotiond.service",
        "/usr/local/lib/systemd/system/emotiond@.service",
        "/usr/local/lib/systemd/system/emotiond-web.service",
        "systemctl --quiet enable emotiond",
    ]
    places_in_text = [found.stdout.find(step) for step in steps]
    assert -1 not in places_in_text
    assert places_in_text == sorted(places_in_text)
    assert [sorted(map(str, place.rglob("*"))) for place in places] == before


def test_no_interpreter_obeys_the_environment_and_nothing_is_built_with_roots_rights() -> None:
    steps = [line for line in install(*DEVICE).stdout.splitlines() if "python" in line]
    pythons = [line for line in steps if re.search(r"bin/python3? ", line)]
    assert [line for line in pythons if not re.search(r"bin/python3? -I ", line)] == []
    builds = [line for line in pythons if " wheel --quiet" in line or "--target" in line]
    assert len(builds) == 4
    user = "would run: setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs env "
    assert [line for line in builds if not line.strip().startswith(user)] == []
    scripts = "".join(one.read_text() for one in (ROOT / "deploy/install").glob("*.sh"))
    assert re.findall(r'^.*"\$(?:python|candidate)" -(?!I|V).*$', scripts, re.M) == []


def test_packages_are_imported_without_roots_rights() -> None:
    scripts = "".join(one.read_text() for one in (ROOT / "deploy/install").glob("*.sh"))
    runs = re.findall(r'^.*"\$(?:1|release)/bin/\w+" .*$', scripts, re.M)
    assert len(runs) >= 5
    assert [line for line in runs if "unprivileged" not in line and "-m pip" not in line] == []


def test_the_page_is_off_unless_it_is_asked_for() -> None:
    plain, asked = install(*DEVICE), install(*DEVICE, "--web")
    assert "enable emotiond-web" not in plain.stdout
    assert "enable emotiond-web" in asked.stdout
    assert "emotiond[web]==" in asked.stdout.replace("\\", "")
    assert "[web]" not in plain.stdout


def test_new_keys_are_shown_with_their_defaults(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("camera:\n  fps: 15.0\n")
    new.write_text("camera:\n  fps: 10.0\n  flip: false  # upside down\ngain_db: 0.0\n")
    command = [sys.executable, "deploy/install/new_keys.py"]
    shown = subprocess.check_output([*command, old, new], cwd=ROOT, text=True).splitlines()
    assert shown[1:] == ["   camera.flip: false  # upside down", "   gain_db: 0.0"]
    assert subprocess.check_output([*command, new, new], cwd=ROOT) == b""
