"""`emotiond demo --web`: the sample clips as a camera, and the page that shows them."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from edge.commands.demo.broker import HOST, embedded_broker
from edge.commands.demo.player import DEVICE, LOG_LINES
from edge.errors import EmotiondError
from edge.resources import SAMPLES

STOP_TIMEOUT_S = 5.0
POLL_S = 0.2


def show_web(port: int, folder: Path = SAMPLES) -> None:
    """Runs broker, daemon and server on the clips, one after another, until Ctrl-C.

    Raises EmotiondError if there are no clips or one of the three ends by itself.
    """
    clips = sorted(folder.glob("*.mkv"))
    if not clips:
        raise EmotiondError(f"{folder}: no clips found")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the three as well
    with ExitStack() as held:
        work = Path(held.enter_context(tempfile.TemporaryDirectory()))
        broker_port = held.enter_context(embedded_broker())
        film = work / "clips.mkv"
        join(clips, film)
        config = work / "demo.yaml"
        config.write_text(yaml.safe_dump(_settings(film, broker_port, work)), encoding="utf-8")
        daemon = held.enter_context(_command(work, "run", "--config", str(config)))
        options = ("--config", str(config), "--camera", str(film), "--port", str(port))
        server = held.enter_context(_command(work, "serve", *options))
        page = f"http://{HOST}:{port}/#devices/{DEVICE}"
        print(f"The clips play in a loop as camera and microphone of the device {DEVICE!r}.")
        print(f"Open {page}  (Ctrl-C ends it)", flush=True)
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            time.sleep(1)  # the server is about to listen
            webbrowser.open(page)
        while daemon.poll() is None and server.poll() is None:
            time.sleep(POLL_S)
        raise EmotiondError("\n  ".join(["a part of the demo ended; its log:", *_log(work)]))


def _settings(film: Path, broker_port: int, work: Path) -> dict[str, Any]:
    mqtt = {"host": HOST, "port": broker_port, "device": DEVICE}
    source = {"source": str(film), "loop": True}
    return {
        "camera": source,
        "microphone": source,
        "mqtt": mqtt | {"protocol": "3.1.1", "health_interval_s": 5},
        "state_folder": str(work / "state"),
    }


def join(clips: Sequence[Path], film: Path) -> None:
    """Writes clips with the same codecs one after another into one file, as they are.

    Raises EmotiondError without the extra `media`.
    """
    try:
        import av
    except ImportError:
        raise EmotiondError("the clips cannot be joined; install `emotiond[demo]`") from None
    with av.open(str(film), "w") as output:
        streams: dict[str, Any] = {}
        newest: dict[str, int] = {}  # decoding times rise; Matroska leaves out the first ones
        start_s = 0.0
        for clip in clips:
            with av.open(str(clip)) as source:
                for stream in source.streams:
                    if stream.type not in streams:
                        streams[stream.type] = output.add_stream_from_template(stream, opaque=True)
                end_s = start_s
                for packet in source.demux():
                    if not packet.size:
                        continue  # the end of a stream
                    kind = packet.stream.type
                    offset = round(start_s / packet.time_base)
                    packet.pts += offset
                    after = newest.get(kind, -1) + 1
                    packet.dts = after if packet.dts is None else max(packet.dts + offset, after)
                    newest[kind] = packet.dts
                    length = packet.duration or 0
                    end_s = max(end_s, float((packet.pts + length) * packet.time_base))
                    packet.stream = streams[kind]
                    output.mux(packet)
                start_s = end_s


@contextmanager
def _command(work: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs this very program; ends it at the end of a `with` block."""
    with (work / f"{arguments[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", *arguments], stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
            process.kill()
            process.wait()


def _log(work: Path) -> list[str]:
    """Returns the last lines of both logs."""
    return [
        f"{file.stem}: {line}"
        for file in sorted(work.glob("*.log"))
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    ]
