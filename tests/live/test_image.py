"""The image of deploy/Dockerfile, run by buildah without a container engine.

It needs buildah, root, and the image, which this makes from Debian's packages in some minutes
(docker.io has the base as well):

    debootstrap --variant=minbase --include=ca-certificates trixie base
    container=$(buildah from scratch) && buildah add $container base /
    buildah commit $container docker.io/library/debian:trixie-slim
    buildah build --pull-never --format docker --isolation chroot --network host \
        --file deploy/Dockerfile --tag emotiond .

EMOTIOND_BUILDAH has options of buildah, such as `--root FOLDER --runroot FOLDER`.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from tests.support.daemon_settings import daemon_settings

IMAGE = "localhost/emotiond:latest"
CONFIG = "/etc/emotiond/emotiond.yaml"


def _command(*arguments: str) -> list[str]:
    return ["buildah", *shlex.split(os.environ.get("EMOTIOND_BUILDAH", "")), *arguments]


def _buildah(*arguments: str) -> str:
    return subprocess.check_output(_command(*arguments), text=True, timeout=60).strip()


def _has_image() -> bool:
    if shutil.which("buildah") is None:
        return False
    inspect = _command("inspect", "--type", "image", IMAGE)
    found = subprocess.run(inspect, check=False, capture_output=True)
    return found.returncode == 0


pytestmark = pytest.mark.skipif(not _has_image(), reason="buildah has no image: see the module")


@pytest.fixture
def run(tmp_path: Path, broker: Mosquitto) -> Iterator[list[str]]:
    """Options of buildah that run a command in a container with a daemon's configuration."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "emotiond.yaml").write_text(yaml.safe_dump(daemon_settings(broker.port)))
    container = _buildah("from", "--pull-never", IMAGE)
    yield ["run", "--isolation", "chroot", "--volume", f"{folder}:/etc/emotiond:ro", container]
    _buildah("rm", container)


def test_the_daemon_of_the_image_reads_texts_without_root_and_is_healthy(
    run: list[str], subscriber: Subscriber
) -> None:
    settings = json.loads(_buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    health = settings["Healthcheck"]["Test"]
    assert health[0] == "CMD"
    daemon = [*settings["Entrypoint"], *settings["Cmd"]]
    with subprocess.Popen(_command(*run, *daemon), stderr=subprocess.DEVNULL) as process:
        subscriber.until("text/status", "ok", timeout_s=60)
        subscriber.client.publish("emotion/kiosk/set/text", "I am so happy!", qos=1)
        event = json.loads(subscriber.until("kiosk/event", timeout_s=20)[-1][1])
        healthy = _buildah(*run, *health[1:])
        by_hand = _buildah(*run, "emotiond-healthcheck", CONFIG)
        process.terminate()
    assert event["data"]["emotion"] == "happy"
    assert healthy.startswith("emotiond as 'kiosk' is online; ")
    assert by_hand == healthy
    assert _buildah(*run, "id", "--user") == "10001"
    assert _buildah(*run, "python", "-c", "import av, soundfile; print('media')") == "media"


def test_the_health_check_fails_without_a_daemon(run: list[str]) -> None:
    check = _command(*run, "emotiond-healthcheck", CONFIG)
    found = subprocess.run(check, check=False, capture_output=True, text=True, timeout=60)
    assert (found.returncode, "was never online" in found.stdout) == (1, True)
