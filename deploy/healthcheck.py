"""Whether a daemon is well, as its subscribers see it; for a container's HEALTHCHECK.

usage: healthcheck.py CONFIG. Exit code 0 if the broker has the device as online and a new state
comes within one heartbeat; else 1 and a sentence.
"""

import queue
import secrets
import sys
import time
from pathlib import Path

import paho.mqtt.client as paho

from edge.config import Mqtt
from edge.configfile import load_config
from edge.errors import ConfigError
from edge.publish.session import Clients

MARGIN_S = 3.0
"""What a heartbeat may be late."""


def fault(config: Mqtt) -> str | None:
    """What is wrong with the device of this configuration, or None. Raises ConfigError."""
    messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
    root = f"{config.prefix}/{config.device}"
    clients = Clients(config, None, f"healthcheck-{secrets.token_hex(4)}")
    client = clients.new(mqtt5=False)

    def listen(*_: object) -> None:
        client.subscribe([(f"{root}/status", 1), (f"{root}/state", 1)])

    client.on_connect = listen
    client.on_message = lambda _client, _userdata, message: messages.put(message)
    try:
        clients.connect(client)
    except (OSError, ValueError) as error:
        return f"no broker at {config.host}:{config.port} ({error})"
    client.loop_start()
    try:
        return _judge(messages, config.heartbeat_s + MARGIN_S)
    finally:
        client.disconnect()
        client.loop_stop()


def _judge(messages: "queue.Queue[paho.MQTTMessage]", patience_s: float) -> str | None:
    status = "unknown: is it another name, or may this user not read it?"
    deadline_s = time.monotonic() + patience_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        try:
            message = messages.get(timeout=left_s)
        except queue.Empty:
            break
        if message.topic.endswith("/status"):
            status = message.payload.decode(errors="replace")
            if status != "online":
                break
        elif not message.retain and status == "online":
            return None
    if status != "online":
        return f"the device is {status}"
    return f"the device is online, but told no state for {patience_s:.0f} s"


def main() -> int:
    """Gives the exit code."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        wrong = fault(load_config(Path(sys.argv[1])).mqtt)
    except ConfigError as error:
        wrong = str(error)
    print(wrong or "well")
    return int(wrong is not None)


if __name__ == "__main__":
    raise SystemExit(main())
