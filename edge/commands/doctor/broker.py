"""Probes the broker with the daemon's credentials and a client identifier of its own."""

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
from edge.publish.attempts import Address, Attempts, Outcome
from edge.publish.publisher import OFFLINE, ONLINE
from edge.publish.refusals import REMEDIES
from edge.publish.session import ClientFactory
from edge.secrets import account
from edge.values import MODALITIES

TOPIC = "doctor"
"""Topic below the device's, for messages that the doctor sends to itself."""
STATE_TOPIC = "state"
DAEMON_TOPICS = ("status", *(f"{modality}/status" for modality in MODALITIES), STATE_TOPIC)
"""By name: some brokers, such as RabbitMQ, match no wildcard with retained messages."""
CLIENT_ID_PREFIX = "doctor-"
"""Start of the client identifier; a daemon's starts with `emotiond-`."""
KEEPALIVE_S = 5
"""Short because paho waits this long for a TLS handshake."""
RETAINED_WAIT_S = 0.5
"""Maximum delay of a retained message after the broker delivered a newer one."""
HEARTBEAT_MARGIN_S = 3.0
"""Maximum delay of a heartbeat."""
ACCESS_LIST = "allow this user to write and read {topic} in the broker's access list"
RESTART = "sudo systemctl restart emotiond; journalctl -u emotiond shows what happened"


def probe_broker(
    config: Mqtt, timeout_s: float, max_wait_s: float = MAX_STATE_WAIT_S
) -> BrokerReport:
    """Connects, sends itself a message, and checks the daemon's status and state.

    `timeout_s` limits each answer of the broker. If the daemon's heartbeat is longer than
    `max_wait_s`, its state is not waited for.
    """
    probe_config = msgspec.structs.replace(config, keepalive_s=KEEPALIVE_S, session_expiry_s=0)
    # With a last will, as the daemon has: not every broker accepts one.
    will = (f"{config.root}/{TOPIC}", "")
    try:
        clients = ClientFactory(probe_config, will, CLIENT_ID_PREFIX + secrets.token_hex(4))
    except ConfigError as error:
        return BrokerReport(
            failed(str(error), "run the doctor as root if the file belongs to the service")
        )
    sessions = []
    attempts = Attempts(config)
    for address, mqtt5 in attempts:
        with _probe(clients, probe_config, address, mqtt5) as probe:
            session = probe.connect(timeout_s)
            if session.verdict == "pass":
                echo = probe.echo(timeout_s)
                fault = probe.fault(max_wait_s)
                return BrokerReport(session, echo, probe.daemon(fault), probe.modalities, not fault)
            outcome = Outcome.UNANSWERED if probe.older_mqtt_may_work else Outcome.REFUSED
            attempts.note(address, mqtt5, outcome)
            sessions.append((address, session))
    last = dict(sessions)  # of each broker
    found = "\n".join(one.found for one in last.values())
    return BrokerReport(msgspec.structs.replace(sessions[-1][1], found=found))


class _Probe:
    """One session; paho's thread puts signals into a queue, and the caller waits for them."""

    def __init__(self, clients: ClientFactory, config: Mqtt, address: Address, mqtt5: bool) -> None:
        self._clients, self._config, self._mqtt5 = clients, config, mqtt5
        self._root = config.root
        self._address = address
        self._token = secrets.token_hex(8)
        self._signals: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._statuses: dict[str, str] = {}
        self.older_mqtt_may_work = False
        """True if the broker may accept an older version of MQTT."""
        self.client = client = clients.new(mqtt5)
        client.on_connect = lambda _c, _u, _f, reason, _p: self._signals.put(("connected", reason))
        client.on_disconnect = lambda _c, _u, _f, reason, _p: self._signals.put(("ended", reason))
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._signals.put(
            ("subscribed", reasons)
        )
        client.on_publish = lambda _c, _u, _m, reason, _p: self._signals.put(("published", reason))
        client.on_message = self._on_message

    def connect(self, timeout_s: float) -> CheckResult:
        """Connects and waits for the broker's answer."""
        try:
            self._clients.connect(self.client, self._address)
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
                f"{self._address} accepts connections but does not answer in MQTT",
                "check mqtt.port and mqtt.tls (is TLS enabled, and does the broker require a "
                "certificate?)",
            )
        if reason.is_failure:
            self.older_mqtt_may_work = str(reason) == "Unsupported protocol version"
            return self._refused(reason)
        version = "5" if self._mqtt5 else "3.1.1"
        tls = ", encrypted" if self._config.tls.enabled else ""
        return passed(f"connected to {self._address}, MQTT {version}{tls}")

    def _refused(self, reason: ReasonCode) -> CheckResult:
        username, password = account("mqtt", self._config.username, self._config.password_file)
        remedy = REMEDIES.get(str(reason), "try again later, or ask the broker's administrator")
        if password is None:
            remedy += "; the service's systemd credentials are not visible here"
        who = f"user {username!r}" if username else "connections without a username"
        return failed(f"{self._address} refuses {who}: {reason}", remedy)

    def echo(self, timeout_s: float) -> CheckResult:
        """Publishes a message and waits for it to come back."""
        topic = f"{self._root}/{TOPIC}"
        remedy = ACCESS_LIST.format(topic=topic)
        daemon_topics = [f"{self._root}/{name}" for name in DAEMON_TOPICS]
        self.client.subscribe([(one, 1) for one in (topic, *daemon_topics)])
        reasons = self._wait("subscribed", timeout_s)
        if reasons is None or reasons[0].is_failure:
            reason = reasons[0] if reasons else "no answer"
            return failed(f"the broker refuses the subscription to {topic} ({reason})", remedy)
        sent_s = time.perf_counter()
        self.client.publish(topic, self._token, qos=1)
        answer = self._wait("echo", timeout_s, or_failure_of="published")
        if isinstance(answer, float):
            round_trip_ms = round((answer - sent_s) * 1e3, 2)
            found = f"a message on {topic} came back after {round_trip_ms:.1f} ms"
            return passed(found, round_trip_ms=round_trip_ms)
        if answer is not None:
            return failed(f"the broker refuses a message on {topic} ({answer})", remedy)
        lost = f"a message on {topic} did not come back within {timeout_s:g} s"
        if self._mqtt5:
            return warned(
                f"{lost}; the broker accepted it, but does not let this user read it", remedy
            )
        return failed(f"{lost}; the access list may forbid writing or reading it", remedy)

    def fault(self, max_wait_s: float) -> str:
        """Returns a fault of the daemon; empty if it is online and publishes its state.

        The status alone proves little, because a daemon that hangs may stay online.
        """
        if "" not in self._statuses:
            self._wait("status", RETAINED_WAIT_S)
        status = self._statuses.get("")
        if status != ONLINE:
            never = (
                f"was never online on this broker, or this user may not read {self._root}/status"
            )
            return "is offline" if status == OFFLINE else never
        wait_s = self._config.heartbeat_s + HEARTBEAT_MARGIN_S
        if wait_s > max_wait_s or self._wait(STATE_TOPIC, wait_s):
            return ""
        silent = f"is online, but published no state for {wait_s:.0f} s"
        return f"{silent}, or this user may not read {self._root}/{STATE_TOPIC}"

    def daemon(self, fault: str) -> CheckResult:
        """Returns the result for the daemon and its modalities."""
        name = f"emotiond as {self._config.device!r}"
        if fault:
            return warned(f"{name} {fault}", RESTART)
        statuses = ", ".join(f"{one}: {status}" for one, status in sorted(self.modalities.items()))
        found = f"{name} is online; {statuses or 'no modality has a status yet'}"
        if any(status.startswith("degraded") for status in self.modalities.values()):
            return warned(found, "see the other checks and journalctl -u emotiond")
        return passed(found)

    @property
    def modalities(self) -> dict[str, str]:
        """Status of each modality; empty if the daemon is not online."""
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

    def _wait(self, kind: str, timeout_s: float, or_failure_of: str = "") -> Any:
        """Returns the next `kind`, or a failure of `or_failure_of`; None if neither comes."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                signal, value = self._signals.get(timeout=left_s)
            except queue.Empty:
                return None
            if signal == kind or (signal == or_failure_of and value.is_failure):
                return value
            if signal == "ended":
                return None
        return None


@contextmanager
def _probe(clients: ClientFactory, config: Mqtt, address: Address, mqtt5: bool) -> Iterator[_Probe]:
    probe = _Probe(clients, config, address, mqtt5)
    try:
        yield probe
    finally:
        probe.client.disconnect()
        probe.client.loop_stop()
