"""`emotiond bench`: measures each stage, and then the whole daemon, on this machine."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.capture.media import read_frames, read_sound
from edge.clock import Clock
from edge.commands.demo.broker import embedded_broker
from edge.commands.demo.player import Player, Reception
from edge.commands.terminal import table
from edge.config import Config
from edge.errors import EmotiondError
from edge.fusion.model import load_fusion
from edge.fusion.pooling import STRATEGIES, fuse
from edge.perception.features import LogMelStream, log_mel, sound_features
from edge.perception.loader import ModelLoader
from edge.perception.optical_flow import OpticalFlow
from edge.perception.voice import FRAMES_PER_S, HOP_FRAMES, VoiceWindows
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.resources import SAMPLES
from edge.tracking.tracker import Tracker
from edge.values import SAMPLE_RATE_HZ, Frame, Observation, Sighting, TextMessage

WARM_UP_RUNS = 10
CLIP = "1001_DFA_HAP_XX.mkv"
SPOKEN = "Don't forget a jacket"  # in the clip
FIFTY_WORDS = (
    "I waited for this day for such a long time, and now that it is here everything goes wrong: "
    "the train is late, my phone is dead, it rains, nobody answers, and still I cannot stop "
    "smiling because tomorrow morning I will finally see all of you again, at last!"
)

Stage = tuple[str, Callable[[], object]]


def bench(config: Config, repeat: int, clip: Path = SAMPLES / CLIP) -> None:
    """Times each stage `repeat` times on one clip, plays the clip to a daemon, and prints both.

    Raises ModelError if a model cannot be used, SourceError if the clip cannot be read.
    """
    if repeat < 1:
        raise EmotiondError(f"--repeat {repeat}: expected at least 1")
    frame = next(iter(read_frames(clip, config.camera.fps)), None)
    if frame is None:
        raise EmotiondError(f"{clip}: no picture in it to measure with")
    width, height = config.camera.width_px, config.camera.height_px
    frame = Frame(np.asarray(cv2.resize(frame.pixels, (width, height)), np.uint8), 0.0)
    print(
        f"{repeat} runs per stage, {config.models.threads} thread(s) per model, "
        f"{clip.name} at {width}x{height}\n"
    )
    rows = [(name, *_percentiles(action, repeat)) for name, action in _stages(config, frame, clip)]
    print(
        table(("stage", "median ms", "p99 ms"), [(n, f"{m:.3f}", f"{p:.3f}") for n, m, p in rows])
    )
    face_ms = sum(median for name, median, _ in rows if name in ("detect", "crop", "classify"))
    print(f"\nface path {face_ms:.2f} ms: {1000 / face_ms:.0f} frames a second on one core")
    with embedded_broker() as port:
        player = Player(port, lambda event: None)
        try:
            _print_daemon(player.play(clip, SPOKEN))
        finally:
            player.close()


def _print_daemon(reception: Reception) -> None:
    print(f"daemon, three modalities: peak RSS {reception.peak_rss_mb:.0f} MB")
    if reception.start_to_first_event_s is not None:
        print(
            f"start of the process to receipt of the first event: "
            f"{reception.start_to_first_event_s:.2f} s"
        )
    if reception.latency_s is not None:
        print(
            f"capture to receipt: median {reception.latency_s * 1000:.1f} ms "
            f"of {len(reception.latencies_s)} messages"
        )


def _percentiles(action: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Returns the median and 99th percentile of the action's duration in milliseconds."""
    for _ in range(WARM_UP_RUNS):
        action()
    durations_s = []
    for _ in range(repeat):
        started_s = time.perf_counter()
        action()
        durations_s.append(time.perf_counter() - started_s)
    median, p99 = np.percentile(durations_s, [50, 99]) * 1000
    return float(median), float(p99)


def _stages(config: Config, frame: Frame, clip: Path) -> list[Stage]:
    loader = ModelLoader(config.models)
    face, text = loader.new_face(), loader.text
    detector = loader.detector
    faces = detector.detect(frame.pixels)
    if not faces:
        raise EmotiondError(f"{clip}: no face in its first picture to measure with")
    crop = face.crop(frame.pixels, faces[0])
    optical_flow = OpticalFlow()
    optical_flow.set_reference(frame.pixels)
    speech = loader.new_speech()
    spec = speech.spec
    sound = np.resize(read_sound(clip), round(spec.duration_s * SAMPLE_RATE_HZ))
    energies = log_mel(sound, spec)
    features = sound_features(energies, spec)
    voice_windows = VoiceWindows(spec, 1.0, 2.5)
    stream, hop = LogMelStream(spec), sound[: round(HOP_FRAMES / FRAMES_PER_S * SAMPLE_RATE_HZ)]
    sighting = face.perceive(frame)
    answer = speech.classifier.classify(features)
    speech_observation = Observation("speech", 0, 0.0, answer.probabilities, 1.0, answer.native)
    return [
        ("detect", lambda: detector.detect(frame.pixels)),
        ("follow", lambda: optical_flow.track(frame.pixels, faces)),
        ("crop", lambda: face.crop(frame.pixels, faces[0])),
        ("classify", lambda: face.classifier.classify(crop)),
        ("listen", lambda: voice_windows.push(hop)),
        ("features", lambda: (stream.push(hop), sound_features(energies, spec))),
        ("speech", lambda: speech.classifier.classify(features)),
        ("text", lambda: text.perceive(TextMessage(SPOKEN, 0.0))),
        ("50 words", lambda: text.perceive(TextMessage(FIFTY_WORDS, 0.0))),
        *_decision_stages(config, loader, sighting, speech_observation),
    ]


def _decision_stages(
    config: Config, loader: ModelLoader, sighting: Sighting, speech: Observation
) -> list[Stage]:
    """Returns the stages of fusion and of publishing a state, without the network."""
    fusion = config.fusion
    model = load_fusion(loader.folder / fusion.file, fusion.strategy)
    strategy = STRATEGIES[fusion.strategy]
    tracker = Tracker(config.tracking, fusion, model, 0.0)
    tracker.observe(sighting)
    composer = Composer("emotion/bench", Clock())
    publisher = Publisher(config.mqtt)
    return [
        ("fuse", lambda: fuse([sighting.observations[0], speech], strategy, model, 0.0, 1.0)),
        ("publish", lambda: publisher.publish(composer.state(tracker.state))),
    ]
