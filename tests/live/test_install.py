"""What install.sh says of the broker, asked of real ones."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from paho.mqtt import publish

from edge.demo.broker import HOST, free_port
from tests.conftest import Mosquitto

ROOT = Path(__file__).parents[2]


def ask(folder: Path, port: int, timeout_s: float = 10) -> tuple[int, str]:
    """Exit code and sentence of what asks the broker for the device's status."""
    config = folder / "emotiond.yaml"
    config.write_text(yaml.safe_dump({"mqtt": {"host": HOST, "port": port, "device": "kiosk"}}))
    found = subprocess.run(
        [sys.executable, "deploy/install/online.py", str(config), str(timeout_s)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "CREDENTIALS_DIRECTORY": str(folder)},
    )
    assert found.stderr == ""
    return found.returncode, found.stdout


@pytest.mark.parametrize(("word", "code"), [("online", 0), ("offline", 1)])
def test_what_the_broker_retains_is_told(
    broker: Mosquitto, tmp_path: Path, word: str, code: int
) -> None:
    publish.single("emotion/kiosk/status", word, 1, True, HOST, broker.port)
    where = f"emotion/kiosk/status at {HOST}:{broker.port}"
    assert ask(tmp_path, broker.port, 1) == (code, f"== broker: {where}: {word}\n")


def test_an_absent_broker_is_told_with_the_key_to_change(tmp_path: Path) -> None:
    code, said = ask(tmp_path, free_port())
    assert code == 1
    assert "no broker at" in said
    assert "mqtt.host" in said


def test_a_broker_that_refuses_is_told(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, anonymous=False)
    broker.start()
    try:
        code, said = ask(tmp_path, broker.port)
    finally:
        broker.stop()
    assert code == 1
    assert "refuses us: Not authorized" in said


def test_the_service_s_secrets_are_used(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "kiosk", "geheim"], check=True)
    (tmp_path / "mqtt-username").write_text("kiosk\n")
    (tmp_path / "mqtt-password").write_text("geheim\n")
    broker = Mosquitto(tmp_path, f"password_file {passwords}", anonymous=False)
    broker.start()
    try:
        auth: publish.AuthParameter = {"username": "kiosk", "password": "geheim"}
        publish.single("emotion/kiosk/status", "online", 1, True, HOST, broker.port, auth=auth)
        assert ask(tmp_path, broker.port)[0] == 0
    finally:
        broker.stop()
