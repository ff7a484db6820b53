"""Reasons that everybody may read name files, and never the folders that they lie in."""

from pathlib import Path

import pytest

from edge.config import Camera, Config, Microphone, Models
from edge.service.reasons import Reasons

REASONS = Reasons(
    Config(
        camera=Camera(source="rtsp://camera.example.org"),
        microphone=Microphone(source="/home/Jane Doe/private talk.wav"),
        models=Models(folder="own models/of mine"),
    ),
    Path("/var/lib/emotiond"),
)


@pytest.mark.parametrize(
    ("reason", "published"),
    [
        (
            "degraded: own models/of mine/speech.json: sha256 is 12ab…",
            "degraded: speech.json: sha256 is 12ab…",
        ),
        (
            "degraded: '/home/Jane Doe/private talk.wav': no such file",
            "degraded: 'private talk.wav': no such file",
        ),
        ("/var/lib/emotiond/models/1.2.0/face.json: gone", "models/1.2.0/face.json: gone"),
        ("cannot load (/usr/lib/x/libm.so.6: no symbol)", "cannot load (libm.so.6: no symbol)"),
        ("/dev/video0 not found; plug it in", "/dev/video0 not found; plug it in"),
        ("'rtsp://camera.example.org:554' is away", "'rtsp://camera.example.org:554' is away"),
        ("see text/status, 0.5 frames/s", "see text/status, 0.5 frames/s"),
    ],
)
def test_a_reason_names_files_without_folders(reason: str, published: str) -> None:
    assert REASONS.published(reason) == published
