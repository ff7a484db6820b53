import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.commands.check_config import check_files
from edge.config import Camera, Config, Fusion, Microphone, Models, Mqtt, Texts
from edge.fusion.model import read_fusion, write_fusion
from edge.resources import MODELS
from tests.support.packs import crashing_pack


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Nobody's rights, as during an installation."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_secret_that_this_user_must_not_read_is_told_and_no_fault(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    secret.chmod(0)
    config = Config(mqtt=Mqtt(username="u", password_file=str(secret)))
    request.getfixturevalue("unprivileged")
    (warning,) = check_files(config)
    assert warning.startswith("mqtt.password_file")
    assert "Permission denied" in warning


def test_a_model_that_would_end_the_process_is_a_warning(tmp_path: Path) -> None:
    crashing_pack(tmp_path)
    text = Texts(enabled=False)
    config = Config(
        camera=Camera(source="rtsp://h/${NO_SUCH}"), text=text, models=Models(folder=str(tmp_path))
    )
    warnings = check_files(config)
    assert [one for one in warnings if "speech.json: running it ends the process" in one]
    assert [one for one in warnings if "the environment has no NO_SUCH" in one]


def test_a_strategy_whose_network_is_missing_is_a_warning(tmp_path: Path) -> None:
    content = msgspec.structs.replace(read_fusion(MODELS / "fusion.json"), network=None)
    write_fusion(content, tmp_path / "fusion.json")
    config = Config(
        camera=Camera(enabled=False),
        microphone=Microphone(enabled=False),
        text=Texts(enabled=False),
        models=Models(folder=str(tmp_path)),
    )
    assert check_files(config) == []
    fusion = Fusion(strategy="feature")
    (warning,) = check_files(msgspec.structs.replace(config, fusion=fusion))
    assert warning.startswith("fusion.file: ")
    assert "this file has no network" in warning
