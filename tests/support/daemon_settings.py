"""Settings for a daemon run as a process."""

from typing import Any

from edge.commands.demo.broker import HOST

OFF = {"enabled": False}


def daemon_settings(port: int, **changes: Any) -> dict[str, Any]:
    mqtt = {"host": HOST, "port": port, "device": "kiosk"}
    return {"camera": OFF, "microphone": OFF, "mqtt": mqtt} | changes
