"""`emotiond bench`: measures each stage, and then the whole daemon, on this machine."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.capture.media import read_frames, read_sound
from edge.clock import Clock
from edge.commands.bench_report import (
    BenchReport,
    DaemonFigures,
    library_versions,
    this_machine,
)
from edge.commands.bench_report import Stage as StageTimes
from edge.commands.demo.broker import embedded_broker
from edge.commands.demo.player import Player, Reception
from edge.config import Config
from edge.errors import EmotiondError
from edge.fusion.model import load_fusion
from edge.fusion.pooling import STRATEGIES, fuse
from edge.machine import temperature_c, throttled
from edge.perception.features import LogMelStream, log_mel, sound_features
from edge.perception.loader import ModelLoader
from edge.perception.optical_flow import OpticalFlow
from edge.perception.pack import load_pack
from edge.perception.voice import FRAMES_PER_S, HOP_FRAMES, VoiceWindows
from edge.publish.composer import Composer
from edge.publish.payloads import ModelInfo
from edge.publish.publisher import Publisher
from edge.resources import SAMPLES
from edge.tracking.tracker import Tracker
from edge.values import MODALITIES, SAMPLE_RATE_HZ, Frame, Observation, Sighting, TextMessage

WARM_UP_RUNS = 10
CLIP = "1001_DFA_HAP_XX.mkv"
SPOKEN = "Don't forget a jacket"  # in the clip
FIFTY_WORDS = (
    "I waited for this day for such a long time, and now that it is here everything goes wrong: "
    "the train is late, my phone is dead, it rains, nobody answers, and still I cannot stop "
    "smiling because tomorrow morning I will finally see all of you again, at last!"
)

Stage = tuple[str, Callable[[], object]]


def bench(config: Config, repeat: int, clip: Path = SAMPLES / CLIP) -> BenchReport:
    """Times each stage `repeat` times on one clip, and plays the clip to a daemon.

    Raises ModelError if a model cannot be used, SourceError if the clip cannot be read.
    """
    if repeat < 1:
        raise EmotiondError(f"--repeat {repeat}: expected at least 1")
    frame = next(iter(read_frames(clip, config.camera.fps)), None)
    if frame is None:
        raise EmotiondError(f"{clip}: no picture in it to measure with")
    width, height = config.camera.width_px, config.camera.height_px
    frame = Frame(np.asarray(cv2.resize(frame.pixels, (width, height)), np.uint8), 0.0)
    loader = ModelLoader(config.models)
    stages = [_timed(stage, repeat) for stage in _stages(config, loader, frame, clip)]
    with embedded_broker() as port:
        player = Player(port, lambda event: None)
        try:
            reception = player.play(clip, SPOKEN)
        finally:
            player.close()
    throttles = throttled()
    return BenchReport(
        machine=this_machine(),
        libraries=library_versions(),
        models=_models(loader),
        threads=config.models.threads,
        width_px=width,
        height_px=height,
        repeat=repeat,
        clip=clip.name,
        temperature_c=temperature_c(),
        throttled=None if throttles is None else list(throttles),
        stages=stages,
        daemon=_daemon_figures(reception),
    )


def _daemon_figures(reception: Reception) -> DaemonFigures:
    first_s, latency_s = reception.start_to_first_event_s, reception.latency_s
    return DaemonFigures(
        peak_rss_mb=round(reception.peak_rss_mb, 1),
        start_to_first_event_s=None if first_s is None else round(first_s, 3),
        latency_p50_ms=None if latency_s is None else round(latency_s * 1000, 2),
        messages=len(reception.latencies_s),
    )


def _models(loader: ModelLoader) -> dict[str, ModelInfo]:
    """Returns the models by modality; the detector is one of them."""
    found: dict[str, ModelInfo] = {}
    for name in loader.config.manifests(MODALITIES):
        manifest = load_pack(loader.path(name)).manifest
        info = ModelInfo(manifest.name, manifest.version, manifest.sha256)
        found[manifest.modality] = info
    return found


def _timed(stage: Stage, repeat: int) -> StageTimes:
    name, action = stage
    for _ in range(WARM_UP_RUNS):
        action()
    durations_s = []
    for _ in range(repeat):
        started_s = time.perf_counter()
        action()
        durations_s.append(time.perf_counter() - started_s)
    return StageTimes(name, *np.round(np.percentile(durations_s, [50, 90, 99]) * 1000, 4).tolist())


def _stages(config: Config, loader: ModelLoader, frame: Frame, clip: Path) -> list[Stage]:
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
    model = load_fusion(loader.path(fusion.file), fusion.strategy)
    strategy = STRATEGIES[fusion.strategy]
    tracker = Tracker(config.tracking, fusion, model, 0.0)
    tracker.observe(sighting)
    composer = Composer("emotion/bench", Clock())
    publisher = Publisher(config.mqtt)
    return [
        ("fuse", lambda: fuse([sighting.observations[0], speech], strategy, model, 0.0, 1.0)),
        ("publish", lambda: publisher.publish(composer.state(tracker.state))),
    ]
