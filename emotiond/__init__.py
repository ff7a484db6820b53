"""Reads emotions in pictures, sounds, texts and clips: the Python API of emotiond.

    from emotiond import Emotions

    reader = Emotions()
    reader.text("I am so happy today!").emotion

docs/python.md has an example of each method.
"""

from edge import __version__
from edge.config import Config
from edge.configfile import load_config
from edge.emotions import EMOTIONS, Emotion
from edge.errors import EmotiondError, ModelError, SourceError
from edge.values import Box
from emotiond.live import Live
from emotiond.reader import Emotions
from emotiond.results import Clip, Moment, Result

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
