"""Checks the files that a configuration names, beyond what its text shows."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge.capture.sources import address_of, is_sound_file, is_video_file
from edge.config import Camera, Config, Microphone
from edge.errors import ConfigError, ModelError, SourceError
from edge.fusion.model import load_fusion
from edge.perception.loader import ModelLoader
from edge.perception.trial import Trials
from edge.publish.session import ClientFactory
from edge.stderr import silenced_stderr


def check_files(config: Config) -> list[str]:
    """Opens all that `run` opens but devices and connections.

    Returns a sentence for each thing without which a modality would be degraded, and for each that
    this user cannot check. Raises ConfigError, one line per fault, for what would end `run`.
    """
    faults: list[str] = []
    warnings: list[str] = []
    for key, check in _checks(config):
        try:
            with silenced_stderr():  # LiteRT tells what it loads
                check()
        except PermissionError as error:
            warnings.append(f"{key}not checked ({error})")
        except (ModelError, SourceError) as error:
            warnings.append(f"{key}{error}")
        except ConfigError as error:
            is_fault = not isinstance(error.__cause__, PermissionError)
            (faults if is_fault else warnings).append(f"{key}{error}")
    if not faults:
        with contextlib.suppress(ConfigError):
            warnings += ClientFactory(config.mqtt, None).weaknesses
    if faults:
        raise ConfigError("\n".join(faults))
    return warnings


def _checks(config: Config) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yields each check, which raises EmotiondError, and the key to put before its message."""
    loader = ModelLoader(config.models, Trials(None))

    if config.camera.enabled:
        yield "models.face: ", loader.new_face
        yield "camera.source: ", lambda: _camera_file(config.camera)
    if config.microphone.enabled:
        yield "models.speech: ", loader.new_speech
        yield "microphone.source: ", lambda: _microphone_file(config.microphone)
    if config.text.enabled:
        yield "models.text: ", lambda: loader.text
    fusion = config.fusion
    yield "fusion.file: ", lambda: load_fusion(loader.path(fusion.file), fusion.strategy)
    yield "", lambda: ClientFactory(config.mqtt, None)


def _camera_file(config: Camera) -> None:
    if is_video_file(config.source):
        _exists(str(config.source))
    else:
        address_of(config)


def _microphone_file(config: Microphone) -> None:
    if is_sound_file(config.source):
        _exists(config.source)


def _exists(file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except PermissionError:
        raise
    except OSError as error:
        raise SourceError(f"{file}: cannot read it ({error.strerror})") from error
