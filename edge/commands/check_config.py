"""Checks the files that a configuration names, beyond what its text shows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge.capture.sources import is_sound_file, is_video_file, with_account
from edge.capture.stderr import silenced_stderr
from edge.config import Config
from edge.errors import ConfigError, EmotiondError
from edge.fusion.model import load_fusion
from edge.perception.loader import ModelLoader
from edge.publish.session import ClientFactory


def check_files(config: Config) -> list[str]:
    """Opens all that `run` opens but devices and connections; returns what this user cannot check.

    Raises ConfigError with one line per fault.
    """
    faults: list[str] = []
    unreadable: list[str] = []
    for key, check in _checks(config):
        try:
            with silenced_stderr():  # LiteRT tells what it loads
                check()
        except EmotiondError as error:
            permission = isinstance(error.__cause__, PermissionError)
            (unreadable if permission else faults).append(f"{key}{error}")
    if faults:
        raise ConfigError("\n".join(faults))
    return unreadable


def _checks(config: Config) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yields each check, which raises EmotiondError, and the key to put before its message."""
    models = config.models
    loader = ModelLoader(models)
    if config.camera.enabled:
        yield "models.face: ", loader.new_face
        if is_video_file(config.camera.source):
            yield "camera.source: ", lambda: _exists(str(config.camera.source))
        yield "", lambda: with_account(config.camera)
    if config.microphone.enabled:
        yield "models.speech: ", loader.new_speech
        if is_sound_file(config.microphone.source):
            yield "microphone.source: ", lambda: _exists(config.microphone.source)
    if config.text.enabled:
        yield "models.text: ", lambda: loader.text
    yield "fusion.file: ", lambda: load_fusion(loader.folder / config.fusion.file)
    yield "", lambda: ClientFactory(config.mqtt, None)


def _exists(file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"{file}: cannot read it ({error.strerror})") from error
