"""Scenes in front of a camera and a microphone, as files that play in their place."""

from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness.media import mux
from edge.capture.media import read_frames, read_sound
from edge.config import Camera
from edge.resources import SAMPLES
from edge.values import SAMPLE_RATE_HZ, Pixels, Sound

Scene = tuple[list[Pixels], Sound]
"""Pictures at the camera's rate, and sound."""
WIDTH_PX, HEIGHT_PX = 640, 480
ROOM_NOISE, ROOM_SOUND = 4.0, 12.0
"""Deviations of a camera's noise indoors in grey levels, and of a quiet room's sound (int16)."""
NOISY_PICTURES = 60
CODECS = "pcm_s16le", "mjpeg"
"""As a USB camera and a microphone give them."""


def people() -> Scene:
    """Returns the sample clips, end to end, at the camera's rate."""
    pictures, sounds = [], []
    for clip in sorted(SAMPLES.glob("*.mkv")):
        shown = list(read_frames(clip, Camera().fps))
        pictures += [cv2.resize(one.pixels, (WIDTH_PX, HEIGHT_PX)) for one in shown]
        length = round(len(shown) / Camera().fps * SAMPLE_RATE_HZ)
        sounds.append(np.resize(read_sound(clip), length))
    return [np.asarray(one, np.uint8) for one in pictures], np.concatenate(sounds)


def empty_room(pictures: int = NOISY_PICTURES) -> Scene:
    """Returns a wall with a door and a window, with the noise of camera and microphone."""
    random = np.random.default_rng(0)
    wall = np.full((HEIGHT_PX, WIDTH_PX, 3), 150, np.uint8)
    cv2.rectangle(wall, (60, 120), (180, HEIGHT_PX), (70, 90, 110), -1)
    cv2.rectangle(wall, (380, 60), (560, 220), (230, 220, 210), -1)
    wall = cv2.GaussianBlur(wall, (9, 9), 0).astype(np.float32)
    noisy = (wall + random.normal(0, ROOM_NOISE, wall.shape) for _ in range(pictures))
    sound = random.normal(0, ROOM_SOUND, 10 * SAMPLE_RATE_HZ)
    return [one.clip(0, 255).astype(np.uint8) for one in noisy], sound.astype(np.int16)


def write_clip(path: Path, scene: Scene, duration_s: float) -> Path:
    """Writes a clip of that length, the scene again and again."""
    pictures, sound = scene
    count, fps = round(duration_s * Camera().fps), Camera().fps
    shown = list(islice(cycle(pictures), count))
    heard = np.resize(sound, round(duration_s * SAMPLE_RATE_HZ)) / 32768
    times_s = [index / fps for index in range(count)]
    return mux(path, [heard], shown, codecs=CODECS, times_s=times_s)
