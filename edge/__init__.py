"""emotiond on the device: capture, perception, fusion, tracking and publishing."""

__version__ = "0.2.0"
