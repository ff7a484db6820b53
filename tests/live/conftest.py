import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST
from edge.publish.publisher import Publisher
from edge.resources import CONFIGS
from tests.support.publishing import Connect, mqtt_settings


@pytest.fixture(autouse=True)
def _log_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    yield subscriber
    subscriber.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Starts publishers, and stops them after the test."""
    started: list[Publisher] = []

    def start(port: int, **settings: Any) -> Publisher:
        publisher = Publisher(mqtt_settings(port, **settings), lambda *_: None)
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop()


@pytest.fixture
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with accounts and the test's access list, by default the one that ships."""
    passwords = tmp_path / "passwords"
    for name in ("kiosk", "robot", "listener", "reader", "homeassistant", "fleet"):
        program = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
        new = [] if passwords.exists() else ["-c"]
        subprocess.run([program, *new, "-b", str(passwords), name, f"{name}'s"], check=True)
    acl = tmp_path / "acl"
    shipped = (CONFIGS / "mosquitto" / "acl").read_text(encoding="utf-8")
    acl.write_text(getattr(request, "param", shipped), encoding="utf-8")
    for file in (passwords, acl):
        file.chmod(0o600)
    broker = Mosquitto(tmp_path, f"password_file {passwords}", f"acl_file {acl}", anonymous=False)
    broker.start()
    yield broker
    broker.stop()


LIMITS = {
    "retain_available false": "let the broker keep retained messages",
    "max_qos 0": "let the broker accept QoS 1",
}
"""Settings of a broker that we cannot work with, and the remedy that the log must name."""


@pytest.fixture(params=LIMITS)
def limited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Mosquitto, str]]:
    """A broker without a feature that we need, and the remedy that the log must name."""
    broker = Mosquitto(tmp_path, request.param)
    broker.start()
    yield broker, LIMITS[request.param]
    broker.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    folder = tmp_path_factory.mktemp("authority")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server, kiosk = authority.issue_cert(HOST), authority.issue_cert("kiosk@example.org")
    server.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    server.private_key_pem.write_to_path(str(folder / "server.key"))
    kiosk.cert_chain_pems[0].write_to_path(str(folder / "kiosk.pem"))
    kiosk.private_key_pem.write_to_path(str(folder / "kiosk.key"))
    return authority, folder


@pytest.fixture
def encrypted(
    request: pytest.FixtureRequest, tmp_path: Path, authority: tuple[trustme.CA, Path]
) -> Iterator[Mosquitto]:
    """A broker with TLS; it requires client certificates if the test's parameter is true."""
    folder = authority[1]
    broker = Mosquitto(
        tmp_path,
        f"cafile {folder}/ca.pem",
        f"certfile {folder}/server.pem",
        f"keyfile {folder}/server.key",
        f"require_certificate {str(getattr(request, 'param', False)).lower()}",
    )
    broker.start()
    yield broker
    broker.stop()
