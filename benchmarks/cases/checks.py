"""What can be found out about a file: facts such as `face=happy`, `error=…` or `exit=1`."""

import json
import queue
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.packs import speech_pack_of
from benchmarks.harness.subscriber import Subscriber
from edge.capture.camera import open_camera
from edge.capture.control import RunControl
from edge.clock import Clock
from edge.commands.demo.broker import HOST
from edge.config import Camera
from edge.publish.publisher import SPOOL_FILE
from edge.resources import MODELS
from emotiond import Emotions

Facts = list[str]
Check = Callable[[Path, Path], Facts]
"""Finds facts about a file, with an empty folder to work in."""
TIMEOUT_S, SETTLED_S = 120.0, 2.0
OLDEST_S = 364 * 86_400
REPLAYED = '"replayed":true'


def _emotiond(*arguments: str | Path) -> Facts:
    """Returns what a command prints, and how it ends."""
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", *arguments],
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    errors = done.stderr.decode("utf-8", "replace")
    facts = [f"exit={done.returncode}", *(f"says={line}" for line in errors.splitlines())]
    if done.returncode < 0 or "Traceback" in errors:
        facts.append("traceback")
    for line in done.stdout.splitlines():
        row = json.loads(line) if line.startswith(b"{") else {}
        if "error" in row:
            facts.append(f"error={row['error']}")
        elif "emotion" in row:
            facts.append(f"{row['modality']}={row['emotion']}")
            facts.append(f"{row['modality']} at {row['confidence']:.2f}")
    return facts


def _predict(file: Path, _: Path) -> Facts:
    return _emotiond("predict", "--json", file)


def _in_folder(file: Path, folder: Path) -> Facts:
    """Looks at a folder with the file."""
    shutil.copy(file, folder)
    return _emotiond("predict", "--json", folder)


def _oddly_named(file: Path, folder: Path) -> Facts:
    """Gives the file a name that is not UTF-8, and reads another one after it."""
    odd = bytes(folder) + b"/caf\xe9" + bytes(Path(file.suffix))
    shutil.copy(file, odd.decode("utf-8", "surrogateescape"))
    shutil.copy(HAPPY_CLIP, folder / "next.mkv")
    return _emotiond("predict", "--json", folder)


def _camera(file: Path, _: Path) -> Facts:
    """Plays the file in place of a camera."""
    camera = open_camera(Camera(source=str(file), fps=30.0), Clock(), RunControl())
    live, emotions, frames = Emotions().live(), Counter[str](), 0
    while (frame := camera.read()) is not None:
        frames += 1
        emotions.update(one.emotion for one in live.frame(frame.pixels, frame.captured_s)[:1])
    camera.close()
    return [f"frames={frames}", *(f"face={one}" for one, _ in emotions.most_common(1))]


def _turned_camera(file: Path, folder: Path) -> Facts:
    """Reads the file with `camera.rotate: 180`."""
    config = folder / "config.yaml"
    config.write_text("camera:\n  rotate: 180\n")
    return _emotiond("predict", "--json", "--config", config, file)


def _training_data(modality: str) -> Check:
    def load(file: Path, _: Path) -> Facts:
        from converter.tasks.registry import TASKS

        splits = TASKS[modality]().load([file])
        count = sum(len(one) for one in (splits.train, splits.held_back, splits.test))
        return [f"samples={count}", *(f"says={one}" for one in splits.unusable)]

    return load


def _config(file: Path, _: Path) -> Facts:
    return _emotiond("check-config", file)


def _model(file: Path, folder: Path) -> Facts:
    """Reads a clip with the configuration in the file, whose models are beside it."""
    shutil.copytree(MODELS, folder / "models")
    shutil.copytree(file.parent, folder / "models", dirs_exist_ok=True)
    config = folder / "models" / file.name
    text = config.read_text().replace("folder: .", f"folder: {folder / 'models'}")
    config.write_text(text)
    return _emotiond("predict", "--json", "--config", config, HAPPY_CLIP)


def _speech_model(file: Path, folder: Path) -> Facts:
    """Runs the daemon with this model in place of the one for speech, with a fitting manifest."""
    models = folder / "models"
    shutil.copytree(MODELS, models)
    speech_pack_of(file.read_bytes(), models)
    return _daemon(folder, {"models": {"folder": str(models)}})


def _spool(file: Path, folder: Path) -> Facts:
    """Runs the daemon with the file as its spool."""
    (folder / "state").mkdir()
    shutil.copy(file, folder / "state" / SPOOL_FILE)
    return _daemon(folder, {"mqtt": {"spool": {"max_age_s": OLDEST_S}}})


def _daemon(folder: Path, settings: dict[str, Any]) -> Facts:
    """Runs the daemon for some seconds; returns events, statuses and the log's warnings."""
    broker = Mosquitto(folder)
    broker.start()
    subscriber = Subscriber(broker.port)
    log = folder / "log"
    mqtt = {"host": HOST, "port": broker.port, "device": "case"} | settings.pop("mqtt", {})
    off = {"camera": {"enabled": False}, "microphone": {"source": "none such"}}
    try:
        with (
            log.open("w") as lines,
            daemon(folder, off | settings | {"mqtt": mqtt}, lines.fileno()),
        ):
            received = subscriber.until("text/status", "ok", timeout_s=TIMEOUT_S)
            subscriber.client.publish("emotion/case/set/text", "I am so happy!", qos=1)
            received += subscriber.until("case/state", timeout_s=TIMEOUT_S)
            time.sleep(SETTLED_S)
            with suppress(queue.Empty):
                while True:
                    received += subscriber.receive(1, 0.1)
    finally:
        subscriber.close()
        broker.stop()
    replayed = [text for topic, text in received if topic.endswith("/event") and REPLAYED in text]
    return [
        f"replayed={len(replayed)}",
        *(
            f"{topic.removeprefix('emotion/case/')}={text}"
            for topic, text in received
            if topic.endswith("/status")
        ),
        *(f"says={line}" for line in log.read_text().splitlines()),
    ]


CHECKS: dict[str, Check] = {
    "predict": _predict,
    "folder": _in_folder,
    "odd name": _oddly_named,
    "camera": _camera,
    "camera turned": _turned_camera,
    "train face": _training_data("face"),
    "train speech": _training_data("speech"),
    "train text": _training_data("text"),
    "config": _config,
    "model": _model,
    "speech model": _speech_model,
    "spool": _spool,
}
