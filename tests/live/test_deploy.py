"""The files that deploy/ gives to containers, tested without containers."""

import getpass
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST, free_port
from edge.configfile import load_config

DEPLOY = Path(__file__).parents[2] / "deploy"


def _health(config: Path) -> tuple[int, str]:
    command = [sys.executable, str(DEPLOY / "healthcheck.py"), str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout


def _compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_the_files_that_compose_mounts_exist_and_the_configuration_is_valid() -> None:
    mounted = {}
    for service in _compose()["services"].values():
        for volume in service["volumes"]:
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                mounted[target] = (DEPLOY / source).resolve()
    made = [file for file in mounted.values() if file.parent.name == "secrets"]
    assert [file.name for file in made] == ["passwords"]  # deploy/README.md makes it
    assert all(file.is_file() for file in mounted.values() if file not in made)
    named = re.findall(r"^\w+_file (.+)$", (DEPLOY / "mosquitto.conf").read_text(), re.M)
    assert set(named) < set(mounted)
    config = load_config(mounted["/etc/emotiond/emotiond.yaml"])
    assert config.mqtt.host in _compose()["services"]
    assert Path(config.mqtt.password_file).name in _compose()["secrets"]
    page = load_config(mounted["/etc/emotiond/web.yaml"])
    assert Path(page.mqtt.password_file).name in _compose()["services"]["web"]["secrets"]


def test_the_page_in_its_container_is_published_to_this_machine_alone_and_needs_a_token() -> None:
    web = _compose()["services"]["web"]
    assert web["ports"] == ["127.0.0.1:8000:8000"]
    assert "--token-file" in web["command"]
    assert "devices" not in web


def test_no_picture_reaches_a_disk_in_a_core_or_in_swap() -> None:
    services = _compose()["services"]
    for name in ("emotiond", "web"):
        assert services[name]["ulimits"] == {"core": 0}
        assert services[name]["memswap_limit"] == services[name]["mem_limit"]


class Deployed(Mosquitto):
    """A broker configured by deploy/mosquitto.conf, with other paths and ports."""

    def __init__(self, folder: Path, **passwords: str) -> None:
        super().__init__(folder)
        shutil.copy(DEPLOY.parent / "configs" / "mosquitto" / "acl", folder / "acl")
        (folder / "passwords").touch()
        for name, password in passwords.items():
            program = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
            command = [program, "-b", str(folder / "passwords"), name, password]
            subprocess.run(command, check=True)
        own = (DEPLOY / "mosquitto.conf").read_text()
        own = re.sub(r"/mosquitto/\w+/", f"{folder}/", own)
        own = own.replace("listener 1883", f"listener {self.port} {HOST}")
        own = own.replace("listener 9001", f"listener {free_port()} {HOST}")
        self._config.write_text(f"{own}\nuser {getpass.getuser()}\n")


def test_the_health_check_distinguishes_a_healthy_daemon_from_others(tmp_path: Path) -> None:
    broker = Deployed(tmp_path, kiosk="kiosk's", listener="listener's")
    broker.start()
    (tmp_path / "mqtt-password").write_text("kiosk's\n")
    settings = yaml.safe_load((DEPLOY / "emotiond.yaml").read_text())
    settings["camera"] = {"source": str(HAPPY_CLIP), "loop": True}
    settings["microphone"] = {"enabled": False}
    settings["mqtt"] |= {"host": HOST, "port": broker.port, "heartbeat_s": 0.2}
    settings["mqtt"]["password_file"] = str(tmp_path / "mqtt-password")
    config = tmp_path / "config.yaml"
    subscriber = Subscriber(broker.port, username="listener", password="listener's")  # noqa: S106
    with daemon(tmp_path, settings) as process:
        subscriber.until("kiosk/event")
        assert _health(config) == (
            0,
            "emotiond as 'kiosk' is online; face: ok, speech: off, text: ok\n",
        )
        process.send_signal(signal.SIGSTOP)
        code, output = _health(config)
        assert (code, "is online, but published no state for 3 s" in output) == (1, True)
        process.kill()
        subscriber.until("kiosk/status", "offline")
        assert _health(config) == (1, "emotiond as 'kiosk' is offline\n")
    subscriber.close()
    broker.stop()
    code, output = _health(config)
    assert code == 1
    assert output.startswith(f"no broker at {HOST}:{broker.port} (")


def test_the_health_check_names_the_error_of_a_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("mqtt: {hots: here}\n")
    code, output = _health(config)
    assert code == 1
    assert "config.yaml:1: mqtt.hots: unknown key" in output
