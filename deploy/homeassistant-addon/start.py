"""Starts emotiond as an add-on of Home Assistant.

usage: start.py [DATA_FOLDER [SUPERVISOR_ADDRESS]]. Reads the add-on's options, asks the Supervisor
for the broker, writes a configuration that only this program can read, and becomes the daemon.
"""

import grp
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import yaml

DATA, SUPERVISOR = "/data", "http://supervisor"
USER = 10001
"""Of the image; the daemon runs as it."""
TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 65_536


def ask_broker(address: str, token: str) -> dict[str, Any]:
    """Returns host, port, username, password and ssl of Home Assistant's broker."""
    request = urllib.request.Request(  # noqa: S310 - the Supervisor's own address
        f"{address}/services/mqtt", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        data: dict[str, Any] = json.loads(answer.read(MAX_ANSWER_BYTES))["data"]
    return data


def configuration(
    options: dict[str, Any], broker: dict[str, Any], data: Path, password: Path
) -> dict[str, Any]:
    """Returns the daemon's configuration."""
    account = {"username": broker.get("username") or ""}
    if account["username"]:
        account["password_file"] = str(password)
    return {
        "camera": {"enabled": options["camera"], "source": options["camera_source"]},
        "microphone": {"enabled": options["microphone"], "source": options["microphone_source"]},
        "mqtt": {
            "host": broker["host"],
            "port": int(broker["port"]),
            "device": options["device"],
            "tls": {"enabled": bool(broker.get("ssl"))},
            "home_assistant": {"enabled": True},
            **account,
        },
        "state_folder": str(data / "state"),
    }


def give_up_root(state: Path) -> None:
    """Becomes the image's user, who may use cameras and sound."""
    os.chown(state, USER, USER)
    os.setgroups([grp.getgrnam(name).gr_gid for name in ("audio", "video")])
    os.setgid(USER)
    os.setuid(USER)


def main() -> None:
    """Becomes `emotiond run`; ends with a sentence if there is no broker."""
    data, address = Path((sys.argv[1:2] or [DATA])[0]), (sys.argv[2:3] or [SUPERVISOR])[0]
    options = json.loads((data / "options.json").read_text(encoding="utf-8"))
    try:
        broker = ask_broker(address, os.environ.pop("SUPERVISOR_TOKEN", ""))
    except (OSError, ValueError, LookupError) as error:
        sys.exit(
            f"Home Assistant names no MQTT broker ({error}): install the add-on Mosquitto broker, "
            "or set the MQTT integration up, then start this add-on again"
        )
    (data / "state").mkdir(exist_ok=True)
    if data == Path(DATA):
        give_up_root(data / "state")
    folder = Path(tempfile.mkdtemp(prefix="emotiond-"))  # in memory, and for its owner alone
    password, file = folder / "password", folder / "emotiond.yaml"
    password.write_text(str(broker.get("password") or ""), encoding="utf-8")
    settings = configuration(options, broker, data, password)
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = ["-m", "edge.cli", "run", "--config", str(file)]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - it is the daemon


if __name__ == "__main__":
    main()
