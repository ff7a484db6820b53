"""What the devices of a broker publish, as one state per device and as a stream of messages."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from edge.config import Backoff, Mqtt
from edge.publish.connection import Connection
from edge.publish.messages import SCHEMAS
from edge.publish.payloads import HealthData, InfoData, StateData
from edge.publish.session import Session

CLIENT_ID_PREFIX = "web-"
TOPICS = ("status", "info", "state", "event", "health", "error", "+/status")
"""All that a page needs; not `set/…`, which hold people's texts."""
RECONNECT = Backoff(longest_s=5.0)
HISTORY_S = 3600.0
SLOT_S = 5.0
"""Of several beliefs within this time, the history has the last one."""
MAX_DEVICES = 500
MAX_PAYLOAD_BYTES = 65_536

Update = Callable[["Published"], None]


class Published(msgspec.Struct, frozen=True):
    """One message, as it is handed to pages."""

    device: str
    name: str
    """Topic below the device's, such as `state`."""
    payload: Any
    """JSON of a message, or the text of a status."""
    retained: bool = False


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A belief in the history: `[time, emotion, confidence, valence, arousal]`."""

    time_s: float
    """Seconds since 1970."""
    emotion: str
    confidence: float
    valence: float
    arousal: float


class Device(msgspec.Struct, kw_only=True):
    """A device as its messages describe it; what it has not published is null."""

    device: str
    status: str | None = None
    """`online` or `offline`."""
    modalities: dict[str, str] = {}
    """Status of each modality: `ok`, `degraded: reason` or `off`."""
    state: StateData | None = None
    info: InfoData | None = None
    health: HealthData | None = None
    history: list[Point] = []
    """The last hour."""


class Broker(msgspec.Struct, frozen=True):
    """The connection to the broker."""

    connected: bool
    address: str
    reason: str
    """The newest sentence of the connection: that it stands, or why not and what to do."""


class Devices(msgspec.Struct, frozen=True):
    """Every device, and whether the broker that says so can be reached."""

    broker: Broker
    devices: list[Device]


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to close or open a device's camera and microphone."""

    paused: bool


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

    def device(self, name: str) -> Device | None:
        """Returns one device, None for an unknown one."""
        with self._lock:
            return self._with_history(name) if name in self._devices else None

    def _with_history(self, name: str) -> Device:
        oldest_s = time.time() - HISTORY_S
        history = [one for one in self._history[name] if one.time_s >= oldest_s]
        return msgspec.structs.replace(self._devices[name], history=history)

    def pause(self, device: str, paused: bool, answer: Callable[[str], None]) -> bool:
        """Asks a device to pause or resume; False while the broker is away.

        `answer` is called in the network's thread: with the broker's refusal, or empty.
        """
        session = self._session
        if session is None:
            return False
        topic = f"{self._config.prefix}/{device}/set/pause"
        with self._lock:
            number = session.publish(topic, "on" if paused else "off", 1)
            self._refusals[number] = answer
        return True

    def session_started(self, session: Session) -> None:
        """Subscribes."""
        with self._lock:
            self._session = session
            self._refusals.clear()
        topics = [(f"{self._config.prefix}/+/{topic}", 1) for topic in TOPICS]
        session.client.subscribe(topics)
        self._update(Published("", "broker", msgspec.to_builtins(self.broker)))

    def session_ended(self, reason: str) -> None:
        """Marks the broker as away."""
        with self._lock:
            self._session = None
            waiting, self._refusals = list(self._refusals.values()), {}
        for answer in waiting:
            answer("the broker went away")
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
        if len(payload) > MAX_PAYLOAD_BYTES:
            return
        with self._lock:
            if not payload and retained is False and name == "status":
                return  # a device was removed from the broker
            published = self._keep(device, name, payload, retained)
        if published is not None:
            self._update(published)

    def _keep(self, device: str, name: str, payload: bytes, retained: bool) -> Published | None:
        known = self._devices.get(device)
        if known is None:
            if len(self._devices) >= MAX_DEVICES:
                return None
            known = Device(device=device)
        if name not in SCHEMAS:
            status = payload.decode(errors="replace")[:1000]
            if name == "status":
                known.status = status
            else:
                known.modalities = {**known.modalities, name.partition("/")[0]: status}
            self._add(known)
            return Published(device, name, status, retained)
        try:
            message: Any = msgspec.json.decode(payload, type=SCHEMAS[name])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        self._add(known)
        if name in ("info", "health", "state"):
            setattr(known, name, message.data)
        if name == "state":
            self._remember(device, message.data)
        return Published(device, name, msgspec.to_builtins(message), retained)

    def _add(self, device: Device) -> None:
        self._devices.setdefault(device.device, device)
        self._history.setdefault(device.device, deque(maxlen=round(HISTORY_S / SLOT_S)))

    def _remember(self, device: str, state: StateData) -> None:
        history, now_s = self._history[device], time.time()
        point = Point(
            round(now_s, 1), state.emotion, state.confidence, state.valence, state.arousal
        )
        if len(history) > 1 and now_s - history[-2].time_s < SLOT_S:
            history[-1] = point
        else:
            history.append(point)
