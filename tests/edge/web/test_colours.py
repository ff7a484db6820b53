"""The colours of emotions can be told apart, also by people who are colour-blind."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from edge.emotions import EMOTIONS

STATIC = Path(__file__).parents[3] / "edge" / "web" / "static"
STYLE = (STATIC / "base.css").read_text(encoding="utf-8")
# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color
# vision deficiency", severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1, 1.08883])
MIN_DISTANCE = 12.0
"""CIE 1976 colour difference; 2.3 can just be noticed side by side."""
MIN_CONTRAST = 3.0
"""Of graphics against their background (WCAG 2.2, 1.4.11)."""


def themed(name: str) -> tuple[str, str]:
    found = re.search(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\)", STYLE)
    assert found, name
    return found[1], found[2]


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_emotions_differ_in_colour(sight: str, theme: int) -> None:
    seen = {name: lab(SIGHT[sight] @ linear(themed(name)[theme])) for name in EMOTIONS}
    for one, other in combinations(EMOTIONS, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= MIN_DISTANCE, (one, other)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_emotion_stands_out_from_its_card(theme: int) -> None:
    card = themed("card")[theme]
    for name in EMOTIONS:
        assert contrast(themed(name)[theme], card) >= MIN_CONTRAST, name
