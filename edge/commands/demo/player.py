"""Plays one clip through a daemon of its own and records what a subscriber receives."""

import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from edge.commands.demo.broker import HOST
from edge.config import Tracking
from edge.emotions import EMOTIONS
from edge.errors import EmotiondError
from edge.machine import peak_rss_mb
from edge.publish.messages import EventMessage, ModalityMessage, StateMessage
from edge.tracking.held import Answer, Held

DEVICE = "demo"
TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
LOG_LINES = 5


@dataclass
class Reception:
    """Everything a subscriber received during one clip."""

    events: list[EventMessage] = field(default_factory=list)
    modalities: dict[str, Counter[str]] = field(default_factory=dict)
    """Counts of each emotion, by modality."""
    latencies_s: list[float] = field(default_factory=list)
    """Time from capture to receipt of each event and state with a fresh observation."""
    start_to_first_event_s: float | None = None
    peak_rss_mb: float = 0.0
    """Peak of the daemon's process, 10^6 bytes."""
    _held: Held = field(default_factory=lambda: Held(Tracking().min_confidence))

    def add(self, message: EventMessage | StateMessage) -> None:
        """Adds what an event or a state says, from its time on."""
        data = message.data
        probabilities = np.array([data.probabilities.get(one, 0.0) for one in EMOTIONS], np.float32)
        if probabilities.any():
            self._held.add(data.emotion, probabilities, _utc_s(message.time))
        else:
            self._held.end(_utc_s(message.time))

    @property
    def answer(self) -> Answer:
        """The emotion that held longest, as `emotiond predict` finds it."""
        return self._held.answer() or Answer("unknown", 0.0, np.zeros(len(EMOTIONS), np.float32))

    @property
    def latency_s(self) -> float | None:
        """Median of `latencies_s`."""
        return median(self.latencies_s) if self.latencies_s else None

    def most_frequent(self, modality: str) -> str:
        """Returns the most frequent emotion of a modality, or a dash."""
        counts = self.modalities.get(modality)
        return counts.most_common(1)[0][0] if counts else "–"


class Player:
    """Starts `emotiond run` on one clip after another, subscribed to its topics.

    `on_event` is called with each event on receipt.
    """

    def __init__(self, port: int, on_event: Callable[[EventMessage], None]) -> None:
        self._port, self._on_event = port, on_event
        self._messages: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = lambda _client, _userdata, message: self._messages.put(
            (message.topic, bytes(message.payload), time.time())
        )
        client.connect(HOST, port)
        client.subscribe("emotion/#", qos=1)
        client.loop_start()
        self._client = client

    def close(self) -> None:
        """Ends the subscription."""
        self._client.disconnect()
        self._client.loop_stop()

    def play(self, clip: Path, text: str | None = None) -> Reception:
        """Plays one clip, and sends `text`, if any, once its first picture was seen.

        Raises EmotiondError if the daemon does not reach the end of the clip.
        """
        settings: dict[str, Any] = {
            "camera": {"source": str(clip)},
            "microphone": {"source": str(clip)},
            "mqtt": {
                "host": HOST,
                "port": self._port,
                "device": DEVICE,
                "protocol": "3.1.1",  # the only version of the embedded broker
                "modality_states": True,
            },
        }
        with tempfile.TemporaryDirectory() as folder:
            settings["state_folder"] = folder
            config = Path(folder) / "clip.yaml"
            config.write_text(yaml.safe_dump(settings), encoding="utf-8")
            return self._run(config, clip, text)

    def _run(self, config: Path, clip: Path, text: str | None) -> Reception:
        reception = Reception()
        statuses: dict[str, str] = {}
        started_s = time.time()
        log = config.with_suffix(".log")
        command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config)]
        with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as daemon:
            try:
                while not self._is_over(statuses):
                    self._check(daemon.poll() is None, started_s, clip, log)
                    self._receive(reception, statuses, started_s, text)
                reception.peak_rss_mb = peak_rss_mb(daemon.pid)
                daemon.send_signal(signal.SIGTERM)
                while statuses.get("status") != "offline":
                    self._check(True, started_s, clip, log)
                    self._receive(reception, statuses, started_s, text)
                daemon.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise EmotiondError(f"the daemon that played {clip} did not stop") from None
            finally:
                if daemon.poll() is None:
                    daemon.kill()
        return reception

    @staticmethod
    def _check(alive: bool, started_s: float, clip: Path, log: Path) -> None:
        if not alive or time.time() - started_s > TIMEOUT_S:
            last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
            raise EmotiondError(
                "\n  ".join([f"the daemon did not play {clip} to its end; its log:", *last])
            )

    @staticmethod
    def _is_over(statuses: dict[str, str]) -> bool:
        for modality in ("face", "speech"):
            if statuses.get(f"{modality}/status", "").startswith("degraded"):
                raise EmotiondError(f"{modality} is {statuses[f'{modality}/status']}")
        return all(statuses.get(f"{modality}/status") == "off" for modality in ("face", "speech"))

    def _receive(
        self, reception: Reception, statuses: dict[str, str], started_s: float, text: str | None
    ) -> None:
        """Processes one message, or returns after a moment without any."""
        try:
            topic, payload, received_s = self._messages.get(timeout=0.2)
        except queue.Empty:
            return
        name = topic.removeprefix(f"emotion/{DEVICE}/")
        if name in ("status", "face/status", "speech/status", "text/status"):
            status = payload.decode()
            seen = name == "face/status" and status == "ok" and statuses.get(name) != "ok"
            if seen and text is not None:
                self._client.publish(f"emotion/{DEVICE}/set/text", text, qos=1)
            statuses[name] = status
        elif name == "event":
            event = msgspec.json.decode(payload, type=EventMessage)
            if reception.start_to_first_event_s is None:
                reception.start_to_first_event_s = received_s - started_s
            reception.events.append(event)
            reception.add(event)
            self._on_event(event)
            if event.data.phase != "end" and "face" in event.data.contributions:
                reception.latencies_s.append(_age_s(event.time, received_s))
        elif name == "state":
            state = msgspec.json.decode(payload, type=StateMessage)
            reception.add(state)
            if "face" in state.data.contributions and state.data.faces:
                reception.latencies_s.append(_age_s(state.time, received_s))
        elif name.endswith("/state"):
            answer: Any = msgspec.json.decode(payload, type=ModalityMessage).data
            reception.modalities.setdefault(answer.modality, Counter())[answer.emotion] += 1


def _age_s(time_utc: str, received_s: float) -> float:
    return received_s - _utc_s(time_utc)


def _utc_s(time_utc: str) -> float:
    moment = datetime.strptime(time_utc, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return moment.timestamp()
