"""What people say to a device, and the sounds it plays, are in nothing that leaves its memory."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import av

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from tests.support.daemon_settings import daemon_settings

MARKER = "xylophone-7391"
TEXTS = (
    f"I am so happy about my {MARKER}!",
    json.dumps({"text": f"My {MARKER} makes me so happy.", "subject": 0}),
    json.dumps({"text": MARKER, MARKER: 1}),
    "{" + MARKER,
    MARKER * 1000,
)
OBSERVATIONS = (
    json.dumps({"modality": MARKER, "probabilities": {"sad": 1.0}}),
    json.dumps({"modality": "posture", "probabilities": {MARKER: 1.0}}),
    json.dumps({"modality": "posture", "probabilities": {"sad": 1.0}, MARKER: 1}),
)


def _sound(folder: Path) -> Path:
    """Returns a sound with the marker in its name and its tags."""
    tags = {"title": MARKER, "artist": MARKER, "comment": MARKER}
    file = folder / f"{MARKER}.flac"
    with av.open(str(HAPPY_CLIP)) as clip, av.open(str(file), "w") as sound:
        sound.metadata.update(tags)
        stream = sound.add_stream("flac", rate=16_000, layout="mono", format="s16")
        resampler = av.AudioResampler("s16", "mono", 16_000, frame_size=4096)
        for frame in (*clip.decode(audio=0), None):
            for part in resampler.resample(frame):
                sound.mux(stream.encode(part))
        sound.mux(stream.encode(None))
    assert file.read_bytes().count(MARKER.encode()) == len(tags)
    return file


def test_no_text_and_no_name_of_a_sound_is_in_a_message_a_log_a_file_or_a_core(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    sound = _sound(tmp_path)
    settings = daemon_settings(
        broker.port,
        fusion={"outside": ["posture"]},
        log={"level": "debug"},
        microphone={"source": str(sound), "loop": True},
        text={"topics": [{"topic": "hermes/asr/textCaptured", "path": "text"}]},
    )
    settings["mqtt"] |= {"modality_states": True, "spool": {"write_interval_s": 0.1}}
    settings["mqtt"]["session_expiry_s"] = 0  # else what waited for it would be too old
    log = tmp_path / "log"
    seen: list[tuple[str, str]] = []
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT):
        with log.open("a") as stderr, daemon(tmp_path, settings, stderr.fileno()) as process:
            seen += subscriber.until("speech/status", "ok")
            for name, payloads in (("text", TEXTS), ("observation", OBSERVATIONS)):
                for payload in payloads:
                    subscriber.client.publish(f"emotion/kiosk/set/{name}", payload, qos=1)
            heard = json.dumps({"text": TEXTS[0], "siteId": MARKER})
            subscriber.client.publish("hermes/asr/textCaptured", heard, qos=1)
            seen += subscriber.until("kiosk/event")
            seen += subscriber.until("speech/state")
            limits = Path(f"/proc/{process.pid}/limits").read_text()
            process.send_signal(number)
            process.wait(10)
    command = [sys.executable, "-m", "edge.cli", "doctor", "--json", "--only", "broker", "model"]
    doctor = subprocess.run(
        [*command, "--config", str(tmp_path / "config.yaml")], capture_output=True, check=False
    )
    published = [one for one in seen if "/set/" not in one[0]]
    assert {topic.rpartition("kiosk/")[2] for topic, _ in published} >= {"event", "error"}
    assert MARKER not in str(published)
    assert MARKER.encode() not in doctor.stdout + doctor.stderr
    files = [one for one in (*tmp_path.rglob("*"), *Path().glob("core*")) if one.is_file()]
    holders = [one for one in files if MARKER.encode() in one.read_bytes()]
    # The broker's own store has the texts that were sent to it.
    names = {one.name for one in holders if not one.name.startswith("mosquitto")}
    assert names == {"config.yaml", sound.name}
    cores = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert cores.split()[4:6] == ["0", "0"]
    assert {"log", "retained.json"} <= {one.name for one in files}
