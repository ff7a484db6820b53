"""An MQTT client that receives all messages of a daemon."""

import json
import queue
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.commands.demo.broker import HOST


class Subscriber:
    """Subscribes to all topics; messages sent while it is away wait at the broker."""

    def __init__(
        self, port: int, client_id: str = "subscriber", username: str = "", password: str = ""
    ) -> None:
        self._seen: set[tuple[str, int]] = set()
        self._messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        subscribed = threading.Event()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False
        )
        self.client.on_message = lambda _c, _u, message: self._messages.put(message)
        self.client.on_subscribe = lambda *_: subscribed.set()
        if username:
            self.client.username_pw_set(username, password)
        self.client.connect(HOST, port)
        self.client.subscribe("emotion/#", qos=1)
        self.client.loop_start()
        assert subscribed.wait(5)

    def until(
        self, topic: str, payload: str | None = None, timeout_s: float = 10
    ) -> list[tuple[str, str]]:
        """Returns every message up to one on `topic` (with that payload), as topic and payload.

        Raises AssertionError if it does not arrive in time.
        """
        deadline = time.monotonic() + timeout_s
        received = self.receive(1, timeout_s)
        while not (received[-1][0].endswith(topic) and payload in (None, received[-1][1])):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"no {payload!r} on {topic}, only {received}"
            received += self.receive(1, left_s)
        return received

    def receive(self, count: int, timeout_s: float = 10) -> list[tuple[str, str]]:
        """Returns the next messages as topic and payload; raises queue.Empty if one is late."""
        messages = [self._messages.get(timeout=timeout_s) for _ in range(count)]
        return [(message.topic, message.payload.decode(errors="replace")) for message in messages]

    def events(self, count: int) -> list[Any]:
        """Returns the next events, without repetitions: QoS 1 may deliver an event twice."""
        events: list[Any] = []
        while len(events) < count:
            event = json.loads(self.until("/event")[-1][1])
            key = (event["id"], event["data"]["sequence"])
            if key not in self._seen:
                self._seen.add(key)
                events.append(event)
        return events

    def close(self) -> None:
        """Disconnects; the broker keeps its session."""
        self.client.disconnect()
        self.client.loop_stop()
