"""Checks of camera and microphone, opened as the daemon opens them; no picture or sound is kept."""

import math

import numpy as np

from edge.capture.control import RunControl
from edge.capture.device import Device
from edge.clock import Clock
from edge.commands.doctor.report import CheckResult, passed, warned
from edge.config import Camera, Microphone
from edge.errors import SourceError
from edge.values import SAMPLE_RATE_HZ, Frame, Sound

EXPOSURE_SETTLING_S = 0.5
"""Maximum time that a camera needs to adjust its exposure."""
RECORDING_S = 1.0
MIN_FRAME_RATE_SHARE = 0.5
FULL_SCALE = 32_768
MIN_LEVEL_DBFS = -80.0
MAX_CLIPPED_SHARE = 0.01


def check_camera(config: Camera, clock: Clock) -> CheckResult:
    """Reads pictures for some seconds; raises SourceError if the daemon would close the camera."""
    from edge.capture.camera import open_camera

    camera = open_camera(config, clock, RunControl())
    try:
        return _watch(camera, config)
    finally:
        camera.close()


def _watch(camera: Device[Frame], config: Camera) -> CheckResult:
    from edge.capture.liveness import BLACK_S

    first = camera.read()
    if first is None:
        raise SourceError("the camera was closed before it delivered a picture")
    frames, last, watched_s = 1, first, 0.0
    while watched_s < BLACK_S + EXPOSURE_SETTLING_S and (frame := camera.read()) is not None:
        frames, last, watched_s = frames + 1, frame, frame.captured_s - first.captured_s
    height, width = last.pixels.shape[:2]
    fps = (frames - 1) / watched_s if watched_s else 0.0
    brightness = float(last.pixels.mean())
    found = f"{frames} pictures of {width}x{height} pixels, {fps:.1f} a second"
    found += f", brightness {brightness:.0f} of 255"
    figures = {
        "width_px": float(width),
        "height_px": float(height),
        "frames_per_s": round(fps, 2),
        "brightness_of_255": round(brightness, 1),
    }
    if camera.fault:
        return warned(f"{found}: {camera.fault}", "", **figures)
    if frames > 1 and fps < MIN_FRAME_RATE_SHARE * config.fps:
        remedy = "for a higher rate, try more light, a smaller camera.width_px or another USB port"
        return warned(f"{found}; camera.fps is {config.fps:g}", remedy, **figures)
    return passed(found, **figures)


def check_microphone(config: Microphone, clock: Clock) -> CheckResult:
    """Records a second; raises SourceError if there is no sound."""
    from edge.capture.microphone import open_microphone

    microphone = open_microphone(config, clock, RunControl())
    blocks: list[Sound] = []
    try:
        while sum(map(len, blocks)) < RECORDING_S * SAMPLE_RATE_HZ:
            block = microphone.read()
            if block is None:
                break
            blocks.append(block.samples)
    finally:
        microphone.close()
    return _level(np.concatenate([np.zeros(0, np.int16), *blocks]), config)


def _level(sound: Sound, config: Microphone) -> CheckResult:
    samples = sound.astype(np.float64)
    power = float(np.mean(samples**2)) if len(samples) else 0.0
    clipped = float(np.mean(np.abs(samples) >= FULL_SCALE - 1)) if len(samples) else 0.0
    recorded = f"{len(samples) / SAMPLE_RATE_HZ:.1f} s of sound"
    if not power:
        found = f"{recorded}: digital silence"
        return warned(found, _microphone_remedy(config), clipped_share=0.0)
    level_dbfs = 10 * math.log10(power / FULL_SCALE**2)
    figures = {"level_dbfs": round(level_dbfs, 1), "clipped_share": round(clipped, 4)}
    found = f"{recorded}, level {level_dbfs:.0f} dBFS"
    if level_dbfs < MIN_LEVEL_DBFS:
        return warned(f"{found}: almost silent", _microphone_remedy(config), **figures)
    if clipped > MAX_CLIPPED_SHARE:
        remedy = "lower the capture volume (alsamixer, F4)"
        return warned(f"{found}, {clipped:.0%} of it clipped", remedy, **figures)
    return passed(found, **figures)


def _microphone_remedy(config: Microphone) -> str:
    """Returns the remedy for silence, with the names of all input devices."""
    from edge.capture.portaudio import input_names
    from edge.capture.sources import is_sound_file

    if is_sound_file(config.source):
        return "use a file that is not silent"
    known = ", ".join(map(repr, input_names()))
    return (
        "is it muted? unmute it (alsamixer, F4), or set another device as microphone.source: "
        f"{known}"
    )
