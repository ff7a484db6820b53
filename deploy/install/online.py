"""Asks the broker for a device's `status`, as a subscriber would; prints the answer or the reason.

`online.py CONFIG SECONDS` waits so long for `online`; for that alone the exit code is 0.
"""

import ssl
import sys
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.configfile import load_config
from edge.errors import ConfigError
from edge.publish.access import credentials, tls_context


def status(config_file: Path, timeout_s: float) -> tuple[bool, str]:
    """Whether the broker says `online`, and a sentence. Raises ConfigError."""
    config = load_config(config_file).mqtt
    topic = f"{config.prefix}/{config.device}/status"
    where = f"{config.host}:{config.port}"
    told: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    username, password = credentials(config)
    if username:
        client.username_pw_set(username, password)
    context = tls_context(config.tls)
    if context is not None:
        client.tls_set_context(context)

    def on_connect(
        client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            told.append(f"the broker at {where} refuses us: {reason}")
        else:
            client.subscribe(topic, qos=1)

    client.on_connect = on_connect
    client.on_message = lambda client, userdata, message: told.append(message.payload.decode())
    try:
        client.connect(config.host, config.port, keepalive=30)
    except (OSError, ValueError, ssl.SSLError) as error:
        return False, (
            f"no broker at {where} ({error}); name yours in {config_file} (mqtt.host), "
            "or install one here: apt-get install mosquitto. The service tries on by itself"
        )
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s and told[-1:] != ["online"]:
        if client.loop(timeout=0.2) != paho.MQTT_ERR_SUCCESS and told:
            break
    client.disconnect()
    said = told[-1] if told else f"nothing within {timeout_s:.0f} s (may this user read it?)"
    return said == "online", f"{topic} at {where}: {said}"


def main() -> int:
    """Prints the sentence; 0 for online."""
    try:
        online, sentence = status(Path(sys.argv[1]), float(sys.argv[2]))
    except ConfigError as error:
        online, sentence = False, str(error)
    print(f"== broker: {sentence}")
    return 0 if online else 1


if __name__ == "__main__":
    raise SystemExit(main())
