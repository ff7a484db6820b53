"""Measures the memory that the speech part adds to the daemon's process.

python benchmarks/speech_memory.py

Reads the memory of this process, with the face and text models loaded, before and after the speech
part has processed a minute of voice in blocks like the microphone's.
"""

import os

import numpy as np

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_sound
from edge.capture.portaudio import BLOCK_S
from edge.config import Models
from edge.machine import rss_mb
from edge.perception.loader import ModelLoader
from edge.values import SAMPLE_RATE_HZ, AudioBlock, Frame, TextMessage

SECONDS = 60


def main() -> None:
    """Prints the resident memory before and after, and their difference."""
    loader = ModelLoader(Models())
    loader.new_face().perceive(Frame(np.zeros((480, 640, 3), np.uint8), 0.0))
    loader.text.perceive(TextMessage("good morning", 0.0))
    sound = np.resize(read_sound(HAPPY_CLIP), SECONDS * SAMPLE_RATE_HZ)
    before_mb = rss_mb(os.getpid())
    speech, length = loader.new_speech(), round(BLOCK_S * SAMPLE_RATE_HZ)
    observations = 0
    for start in range(0, len(sound), length):
        ended_s = (start + length) / SAMPLE_RATE_HZ
        observations += len(speech.perceive(AudioBlock(sound[start : start + length], ended_s)))
    after_mb = rss_mb(os.getpid())
    print(f"{SECONDS} s of sound, {observations} observations")
    print(f"resident: {before_mb:.1f} MB before, {after_mb:.1f} MB after")
    print(f"the speech part: {after_mb - before_mb:.1f} MB")


if __name__ == "__main__":
    main()
