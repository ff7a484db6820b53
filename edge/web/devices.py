"""What the devices of a broker publish, as one state per device and as a stream of messages."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from edge.config import Backoff, Mqtt
from edge.publish.connection import Connection
from edge.publish.messages import SCHEMAS, EventMessage, StateMessage
from edge.publish.session import Session
from edge.web.device_values import (
    Broker,
    Device,
    Devices,
    Episode,
    Point,
    Published,
)

CLIENT_ID_PREFIX = "web-"
TOPICS = ("status", "info", "state", "event", "health", "error", "+/status")
"""All that a page needs; not `set/…`, which hold people's texts."""
RECONNECT = Backoff(longest_s=5.0)
HISTORY_S = 3600.0
SLOT_S = 5.0
"""Of several beliefs within this time, the history has the last one."""
MAX_DEVICES = 500
MAX_MODALITIES = 16
"""Of one device; what it says of more is ignored."""
MAX_EVENTS = 20
"""Episodes of one device."""
MAX_ID_CHARACTERS = 100
MAX_PAYLOAD_BYTES = 65_536
MAX_TOPIC_CHARACTERS = 1000
KEPT = ("info", "health", "state")
"""Messages of which a device has the newest."""

Update = Callable[[Published], None]
GONE = "the broker went away"
"""The answer to a pause that the broker did not live to give."""


class DeviceBook:
    """Subscribes to every device under the prefix and keeps what they publish.

    `update` is called with each message, in the network's thread.
    """

    def __init__(self, config: Mqtt, update: Update) -> None:
        self._config, self._update = config, update
        self._lock = threading.Lock()
        self._devices: dict[str, Device] = {}
        self._history: dict[str, deque[Point]] = {}
        self._session: Session | None = None
        self._refusals: dict[int, Callable[[str], None]] = {}
        client_id = CLIENT_ID_PREFIX + secrets.token_hex(4)
        config = msgspec.structs.replace(config, session_expiry_s=0, reconnect=RECONNECT)
        self._connection = Connection(config, None, self, client_id)

    def start(self) -> None:
        """Connects."""
        self._connection.start()

    def stop(self) -> None:
        """Disconnects."""
        self._connection.stop()

    @property
    def broker(self) -> Broker:
        """The connection to the broker."""
        address = f"{self._config.host}:{self._config.port}"
        return Broker(self._session is not None, address, self._connection.condition)

    def devices(self) -> Devices:
        """Returns every device, by name."""
        with self._lock:
            names = sorted(self._devices)
            return Devices(self.broker, [self._with_history(name) for name in names])

    def online(self) -> dict[str, bool]:
        """Returns whether each device is online, by name."""
        with self._lock:
            return {name: one.status == "online" for name, one in sorted(self._devices.items())}

    def device(self, name: str) -> Device | None:
        """Returns one device, None for an unknown one."""
        with self._lock:
            return self._with_history(name) if name in self._devices else None

    def _with_history(self, name: str) -> Device:
        oldest_s = time.time() - HISTORY_S
        history = [one for one in self._history[name] if one.time_s >= oldest_s]
        return msgspec.structs.replace(self._devices[name], history=history)

    def pause(self, device: str, paused: bool, answer: Callable[[str], None]) -> int | None:
        """Asks a device to pause or resume; None while the broker is away, else its number.

        `answer` is called in the network's thread: with the broker's refusal, or empty.
        """
        session = self._session
        if session is None:
            return None
        topic = f"{self._config.prefix}/{device}/set/pause"
        with self._lock:
            number = session.publish(topic, "on" if paused else "off", 1)
            self._refusals[number] = answer
        return number

    @property
    def waiting(self) -> int:
        """Number of pauses that the broker has not answered."""
        return len(self._refusals)

    def give_up(self, number: int) -> None:
        """Waits no longer for the answer to a pause."""
        with self._lock:
            self._refusals.pop(number, None)

    def session_started(self, session: Session) -> None:
        """Subscribes."""
        with self._lock:
            self._session = session
            self._refusals.clear()
        session.subscriptions.ask([f"{self._config.prefix}/+/{topic}" for topic in TOPICS])
        self._update(Published("", "broker", msgspec.to_builtins(self.broker)))

    def session_ended(self, reason: str) -> None:
        """Marks the broker as away."""
        with self._lock:
            self._session = None
            waiting, self._refusals = list(self._refusals.values()), {}
        for answer in waiting:
            answer(GONE)
        self._update(Published("", "broker", msgspec.to_builtins(self.broker)))

    def acknowledged(self, message_id: int, refusal: str) -> None:
        """Hands on the broker's answer to a pause."""
        with self._lock:
            answer = self._refusals.pop(message_id, None)
        if answer is not None:
            answer(refusal)

    def received(self, topic: str, payload: bytes, retained: bool, age_s: float) -> None:
        """Keeps one message; ignores what is not as described in docs/mqtt.md."""
        device, _, name = topic.removeprefix(f"{self._config.prefix}/").partition("/")
        if len(payload) > MAX_PAYLOAD_BYTES or len(topic) > MAX_TOPIC_CHARACTERS:
            return
        with self._lock:
            if payload:
                published = self._keep(device, name, payload, retained)
            else:
                published = self._forget(device, name)
        if published is not None:
            self._update(published)

    def _forget(self, device: str, name: str) -> Published | None:
        """Drops what was removed from the broker: a device with its status, or one message."""
        if (known := self._devices.get(device)) is None:
            return None
        if name == "status":
            del self._devices[device], self._history[device]
        elif name in KEPT:
            setattr(known, name, None)
        else:
            modality = name.partition("/")[0]
            known.modalities = {
                one: status for one, status in known.modalities.items() if one != modality
            }
        return Published(device, name, None)

    def _keep(self, device: str, name: str, payload: bytes, retained: bool) -> Published | None:
        known = self._devices.get(device)
        if known is None:
            if len(self._devices) >= MAX_DEVICES:
                return None
            known = Device(device=device)
        if name not in SCHEMAS:
            return self._keep_status(known, name, payload, retained)
        try:
            message: Any = msgspec.json.decode(payload, type=SCHEMAS[name])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        self._add(known)
        if name in KEPT:
            setattr(known, name, message.data)
        if name == "state":
            self._remember(device, message, retained)
        if name == "event":
            known.events = _with_event(known.events, message)
        return Published(device, name, msgspec.to_builtins(message), retained)

    def _keep_status(
        self, known: Device, name: str, payload: bytes, retained: bool
    ) -> Published | None:
        status = payload.decode(errors="replace")[:1000]
        modality = name.partition("/")[0]
        if name == "status":
            known.status = status
        elif modality in known.modalities or len(known.modalities) < MAX_MODALITIES:
            known.modalities = {**known.modalities, modality: status}
        else:
            return None
        self._add(known)
        return Published(known.device, name, status, retained)

    def _add(self, device: Device) -> None:
        self._devices.setdefault(device.device, device)
        self._history.setdefault(device.device, deque(maxlen=round(HISTORY_S / SLOT_S)))

    def _remember(self, device: str, message: StateMessage, retained: bool) -> None:
        """Adds a belief to the history: a retained one at its own time, if that is known."""
        history, state, at_s = self._history[device], message.data, time.time()
        if retained:
            moment = datetime.fromisoformat(message.time.replace("Z", "+00:00"))
            oldest_s = history[-1].time_s if history else at_s - HISTORY_S
            if message.clock == "unsynced" or not oldest_s < moment.timestamp() <= at_s:
                return
            at_s = moment.timestamp()
        point = Point(round(at_s, 1), state.emotion, state.confidence, state.valence, state.arousal)
        if len(history) > 1 and at_s - history[-2].time_s < SLOT_S:
            history[-1] = point
        else:
            history.append(point)


def _with_event(episodes: list[Episode], event: EventMessage) -> list[Episode]:
    """Returns the newest episodes with one event more."""
    what = event.data
    new = Episode(
        event.id[:MAX_ID_CHARACTERS],
        event.time[:MAX_ID_CHARACTERS],
        what.phase,
        what.emotion,
        what.confidence,
        what.duration_s,
    )
    return [new, *(one for one in episodes if one.id != new.id)][:MAX_EVENTS]
