"""Reads files: pictures, the frames of videos, and sound in the models' format."""

from edge.capture.frames import read_frames
from edge.capture.kinds import PICTURES, SOUNDS, VIDEOS
from edge.capture.pictures import decode_picture, read_picture
from edge.capture.sounds import decode_sound, read_sound

__all__ = [
    "PICTURES",
    "SOUNDS",
    "VIDEOS",
    "decode_picture",
    "decode_sound",
    "read_frames",
    "read_picture",
    "read_sound",
]
