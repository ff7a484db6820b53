"""One visit to the broker, with the daemon's own access and under another name."""

import queue
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from edge.commands.doctor.report import (
    MAX_STATE_WAIT_S,
    BrokerReport,
    CheckResult,
    failed,
    passed,
    warned,
)
from edge.config import Mqtt
from edge.errors import ConfigError
from edge.publish.connection import REMEDIES
from edge.publish.credentials import credentials
from edge.publish.publisher import OFFLINE, ONLINE
from edge.publish.session import ClientFactory

TOPIC = "doctor"
"""Below the device's: what is published there is of no use to anybody else."""
STATE_TOPIC = "state"
CLIENT_ID_PREFIX = "doctor-"
"""Begins the client identifier; that of a daemon begins with `emotiond-`."""
KEEPALIVE_S = 5
"""Short, for paho waits as long for a TLS handshake."""
RETAINED_WAIT_S = 0.5
"""What a broker may take to send what it retained, after it delivered something newer."""
HEARTBEAT_MARGIN_S = 3.0
"""What a heartbeat may be late."""
ACCESS_LIST = "let this user write and read {topic} in the broker's access list"
RESTART = "sudo systemctl restart emotiond; journalctl -u emotiond says what happened"


def probe_broker(
    config: Mqtt, timeout_s: float, max_wait_s: float = MAX_STATE_WAIT_S
) -> BrokerReport:
    """Connects, sends itself a message, and looks how the daemon is.

    `timeout_s` is what each answer of the broker may take. A state of the daemon that may come
    later than after `max_wait_s` is not waited for.
    """
    probe_config = msgspec.structs.replace(config, keepalive_s=KEEPALIVE_S, session_expiry_s=0)
    # With a will, as the daemon: not every broker takes one.
    will = (f"{config.root}/{TOPIC}", "")
    try:
        clients = ClientFactory(probe_config, will, CLIENT_ID_PREFIX + secrets.token_hex(4))
    except ConfigError as error:
        return BrokerReport(
            failed(str(error), "try this as root, if the file is the service's own")
        )
    session = failed("not tried")
    for mqtt5 in (True, False) if config.protocol == 5 else (False,):
        with _probe(clients, probe_config, mqtt5) as probe:
            session = probe.connect(timeout_s)
            if session.verdict == "pass":
                echo = probe.echo(timeout_s)
                fault = probe.fault(max_wait_s)
                return BrokerReport(session, echo, probe.daemon(fault), probe.modalities, not fault)
            if not probe.older_mqtt_may_work:
                break
    return BrokerReport(session)


class _Probe:
    """One session; paho's thread tells what happens, and the caller waits for it."""

    def __init__(self, clients: ClientFactory, config: Mqtt, mqtt5: bool) -> None:
        self._clients, self._config, self._mqtt5 = clients, config, mqtt5
        self._root = config.root
        self._address = f"{config.host}:{config.port}"
        self._token = secrets.token_hex(8)
        self._signals: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._statuses: dict[str, str] = {}
        self.older_mqtt_may_work = False
        """Whether an older version of MQTT may be understood."""
        self.client = client = clients.new(mqtt5)
        client.on_connect = lambda _c, _u, _f, reason, _p: self._signals.put(("connected", reason))
        client.on_disconnect = lambda _c, _u, _f, reason, _p: self._signals.put(("ended", reason))
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._signals.put(("taken", reasons))
        client.on_publish = lambda _c, _u, _m, reason, _p: self._signals.put(("sent", reason))
        client.on_message = self._on_message

    def connect(self, timeout_s: float) -> CheckResult:
        """Connects."""
        try:
            self._clients.connect(self.client)
        except ssl.SSLError as error:
            return failed(f"no trusted connection to {self._address} ({error})", "check mqtt.tls")
        except (OSError, ValueError) as error:
            remedy = "check mqtt.host and mqtt.port, and that the broker runs and can be reached"
            return failed(f"no broker at {self._address} ({error})", remedy)
        self.client.loop_start()
        reason = self._wait("connected", timeout_s)
        if reason is None:
            self.older_mqtt_may_work = True
            return failed(
                f"what answers at {self._address} does not speak MQTT with us",
                "check mqtt.port and mqtt.tls (is it enabled, and does the broker ask for a "
                "certificate?)",
            )
        if reason.is_failure:
            self.older_mqtt_may_work = str(reason) == "Unsupported protocol version"
            return self._refused(reason)
        version = "5" if self._mqtt5 else "3.1.1"
        tls = ", encrypted" if self._config.tls.enabled else ""
        return passed(f"{self._address} takes us, MQTT {version}{tls}")

    def _refused(self, reason: ReasonCode) -> CheckResult:
        username, password = credentials(self._config)
        remedy = REMEDIES.get(str(reason), "try again later, or ask who runs the broker")
        if password is None:
            remedy += "; what systemd hands the service as a credential is not seen here"
        who = f"as {username!r}" if username else "without a name"
        return failed(f"{self._address} refuses us {who}: {reason}", remedy)

    def echo(self, timeout_s: float) -> CheckResult:
        """Publishes something, and waits for it to come back."""
        topic = f"{self._root}/{TOPIC}"
        remedy = ACCESS_LIST.format(topic=topic)
        of_daemon = [f"{self._root}/{name}" for name in ("status", "+/status", STATE_TOPIC)]
        self.client.subscribe([(one, 1) for one in (topic, *of_daemon)])
        refusals = self._wait("taken", timeout_s)
        if refusals is None or refusals[0].is_failure:
            why = refusals[0] if refusals else "no answer"
            return failed(f"the broker refuses to send us {topic} ({why})", remedy)
        began_s = time.perf_counter()
        self.client.publish(topic, self._token, qos=1)
        arrived_s = self._wait("echo", timeout_s, and_fails="sent")
        if isinstance(arrived_s, float):
            round_trip_ms = round((arrived_s - began_s) * 1e3, 2)
            found = f"a message on {topic} came back after {round_trip_ms:.1f} ms"
            return passed(found, round_trip_ms=round_trip_ms)
        if arrived_s is not None:
            return failed(f"the broker refuses what we publish on {topic} ({arrived_s})", remedy)
        lost = f"a message on {topic} did not come back within {timeout_s:g} s"
        if self._mqtt5:
            return warned(f"{lost}; the broker took it, but does not let us read it", remedy)
        return failed(f"{lost}: its access list may forbid to write or to read it", remedy)

    def fault(self, max_wait_s: float) -> str:
        """What keeps the daemon from being well; empty if it is online and tells its state.

        That it is online alone says little, for one that hangs may stay so.
        """
        if "" not in self._statuses:
            self._wait("status", RETAINED_WAIT_S)
        status = self._statuses.get("")
        if status != ONLINE:
            never = f"was never online here, or this user may not read {self._root}/status"
            return "is offline" if status == OFFLINE else never
        wait_s = self._config.heartbeat_s + HEARTBEAT_MARGIN_S
        if wait_s > max_wait_s or self._wait(STATE_TOPIC, wait_s):
            return ""
        told = f"is online, but told no state for {wait_s:.0f} s"
        return f"{told}, or this user may not read {self._root}/{STATE_TOPIC}"

    def daemon(self, fault: str) -> CheckResult:
        """How the daemon is, and its modalities."""
        name = f"emotiond as {self._config.device!r}"
        if fault:
            return warned(f"{name} {fault}", RESTART)
        shown = ", ".join(f"{one}: {word}" for one, word in sorted(self.modalities.items()))
        found = f"{name} is online; {shown or 'no modality told yet'}"
        if any(word.startswith("degraded") for word in self.modalities.values()):
            return warned(found, "see what the other checks say; journalctl -u emotiond")
        return passed(found)

    @property
    def modalities(self) -> dict[str, str]:
        """What the daemon says of each; empty where it is not online."""
        if self._statuses.get("") != ONLINE:
            return {}
        return {name: status for name, status in self._statuses.items() if name}

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        name = message.topic.removeprefix(f"{self._root}/")
        text = message.payload.decode(errors="replace")
        if name == TOPIC:
            if text == self._token:
                self._signals.put(("echo", time.perf_counter()))
        elif name == STATE_TOPIC:
            if not message.retain:
                self._signals.put((STATE_TOPIC, message))
        else:
            self._statuses[name.removesuffix("status").rstrip("/")] = text
            self._signals.put(("status", name))

    def _wait(self, kind: str, timeout_s: float, and_fails: str = "") -> Any:
        """What is told of `kind`, or a failure of `and_fails`; None where neither comes."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                told, what = self._signals.get(timeout=left_s)
            except queue.Empty:
                return None
            if told == kind or (told == and_fails and what.is_failure):
                return what
            if told == "ended":
                return None
        return None


@contextmanager
def _probe(clients: ClientFactory, config: Mqtt, mqtt5: bool) -> Iterator[_Probe]:
    probe = _Probe(clients, config, mqtt5)
    try:
        yield probe
    finally:
        probe.client.disconnect()
        probe.client.loop_stop()
