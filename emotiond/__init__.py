"""Reads emotions in pictures, sounds, texts and clips: the Python API of emotiond.

    from emotiond import Emotions

    reader = Emotions()
    reader.text("I am so happy today!").emotion

docs/python.md has an example of each method. `Emotions` and `Live`, with OpenCV and LiteRT, are
imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.config import Config
from edge.configfile import load_config
from edge.emotions import EMOTIONS, Emotion
from edge.errors import EmotiondError, ModelError, SourceError
from edge.values import Box
from emotiond.results import Clip, Moment, Result

if TYPE_CHECKING:
    from emotiond.live import Live
    from emotiond.reader import Emotions

_LATE = {"Emotions": "emotiond.reader", "Live": "emotiond.live"}
"""Module of each name that is imported on first use."""

__all__ = [
    "EMOTIONS",
    "Box",
    "Clip",
    "Config",
    "Emotion",
    "EmotiondError",
    "Emotions",
    "Live",
    "ModelError",
    "Moment",
    "Result",
    "SourceError",
    "__version__",
    "load_config",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LATE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
