"""Sample clip in place of a camera and a microphone."""

from edge.resources import SAMPLES

HAPPY_CLIP = SAMPLES / "1001_DFA_HAP_XX.mkv"
"""A person speaks a sentence happily: 56 pictures and 1.8 s of sound."""
