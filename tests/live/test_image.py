"""The image of deploy/Dockerfile, built and run by buildah without a container engine.

It downloads packages, so it runs only by hand: EMOTIOND_BUILDAH has the options of buildah for a
store with an image named docker.io/library/debian:trixie-slim, for example one made from a folder:

    debootstrap --variant=minbase --include=ca-certificates trixie base
    options="--root $PWD/store --runroot $PWD/run"
    container=$(buildah $options from scratch) && buildah $options add $container base /
    buildah $options commit $container docker.io/library/debian:trixie-slim
    EMOTIOND_BUILDAH=$options pytest tests/live/test_image.py
"""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from tests.support.daemon_settings import daemon_settings

OPTIONS = os.environ.get("EMOTIOND_BUILDAH")
ROOT = Path(__file__).parents[2]
IMAGE = "localhost/emotiond:test"
pytestmark = pytest.mark.skipif(OPTIONS is None, reason="needs a base image: see the module")


def _command(*arguments: str) -> list[str]:
    return ["buildah", *shlex.split(OPTIONS or ""), *arguments]


def _buildah(*arguments: str) -> str:
    return subprocess.check_output(_command(*arguments), text=True, cwd=ROOT).strip()


def test_the_image_is_built_from_debian_and_its_daemon_reads_texts_without_root(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    build = ["build", "--pull-never", "--format", "docker", "--isolation", "chroot"]
    _buildah(*build, "--network", "host", "--file", "deploy/Dockerfile", "--tag", IMAGE, ".")
    config = tmp_path / "config"
    config.mkdir()
    file = config / "emotiond.yaml"
    file.write_text(yaml.safe_dump(daemon_settings(broker.port)))
    found = json.loads(_buildah("inspect", "--type", "image", IMAGE))
    assert "emotiond-healthcheck" in str(found["Docker"]["config"]["Healthcheck"]["Test"])
    container = _buildah("from", "--pull-never", IMAGE)
    run = ["run", "--isolation", "chroot", "--volume", f"{config}:/etc/emotiond:ro", container]
    daemon = ["emotiond", "run", "--config", "/etc/emotiond/emotiond.yaml"]
    try:
        with subprocess.Popen(_command(*run, *daemon), stderr=subprocess.DEVNULL) as process:
            subscriber.until("text/status", "ok", timeout_s=60)
            subscriber.client.publish("emotion/kiosk/set/text", "I am so happy!", qos=1)
            event = json.loads(subscriber.until("kiosk/event", timeout_s=20)[-1][1])
            healthy = _buildah(*run, "emotiond-healthcheck", "/etc/emotiond/emotiond.yaml")
            process.terminate()
        assert event["data"]["emotion"] == "happy"
        assert healthy == "emotiond as 'kiosk' is online; face: off, speech: off, text: ok"
        assert _buildah(*run, "id", "--user") == "10001"
        assert _buildah(*run, "python", "-c", "import av, soundfile; print('media')") == "media"
    finally:
        _buildah("rm", container)
