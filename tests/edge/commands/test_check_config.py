import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.commands.check_config import check_files
from edge.config import Config, Mqtt


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
    (unchecked,) = check_files(config)
    assert unchecked.startswith("mqtt.password_file")
    assert "Permission denied" in unchecked
