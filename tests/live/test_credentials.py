"""Brokers with access control: user names, passwords, certificates, access lists."""

import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.commands.demo.broker import HOST
from edge.config import Backoff, HomeAssistant, Mqtt, Tls
from edge.errors import ConfigError
from edge.publish.attempts import Outcome
from edge.publish.messages import ModalityStatus
from edge.publish.publisher import Publisher
from edge.publish.session import ClientFactory
from edge.publish.tls import tls_context
from edge.secrets import CREDENTIALS
from tests.support.publishing import COMPOSER, Connect, event, mqtt_settings
from tests.support.waiting import wait_until


def test_a_password_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs mqtt\.username"):
        Publisher(mqtt_settings(1, password_file=_secret(tmp_path, "alone")))


def _secret(folder: Path, text: str) -> str:
    file = folder / "secret"
    file.write_text(f"{text}\n")
    return str(file)


def test_a_wrong_password_is_logged_once_with_the_remedy(
    tmp_path: Path,
    guarded: Mosquitto,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reconnect = Backoff(shortest_s=0.05, longest_s=0.2)
    wrong = {"username": "kiosk", "password_file": _secret(tmp_path, "wrong")}
    publisher = connect(guarded.port, reconnect=reconnect, **wrong)
    wait_until(lambda: "refuses the connection: Not authorized" in caplog.text)
    time.sleep(1.0)
    assert not publisher.connected
    assert caplog.text.count("refuses the connection") == 1
    assert "mqtt.password_file" in caplog.text


@pytest.mark.parametrize("place", ["file", "environment", "credential"])
def test_name_and_password_come_from_a_file_the_environment_or_systemd(
    tmp_path: Path,
    guarded: Mosquitto,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    settings = {}
    if place == "file":
        settings = {"username": "kiosk", "password_file": _secret(tmp_path, "kiosk's")}
    elif place == "environment":
        monkeypatch.setenv("EMOTIOND_MQTT_USERNAME", "kiosk")
        monkeypatch.setenv("EMOTIOND_MQTT_PASSWORD", "kiosk's")
    else:
        (tmp_path / "mqtt-username").write_text("kiosk\n")
        (tmp_path / "mqtt-password").write_text("kiosk's\n")
        monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    publisher = connect(guarded.port, **settings)
    wait_until(lambda: publisher.connected)


@pytest.mark.parametrize(("user", "may_pause"), [("reader", False), ("homeassistant", True)])
def test_the_shipped_access_list_has_users_that_read_and_one_for_home_assistant(
    tmp_path: Path, guarded: Mosquitto, connect: Connect, user: str, may_pause: bool
) -> None:
    device = connect(
        guarded.port,
        username="kiosk",
        password_file=_secret(tmp_path, "kiosk's"),
        home_assistant=HomeAssistant(enabled=True),
    )
    wait_until(lambda: device.connected)
    other = Subscriber(guarded.port, client_id="it", username=user, password=f"{user}'s")
    everyone = Subscriber(guarded.port, username="listener", password="listener's")  # noqa: S106
    other.client.subscribe("homeassistant/#", qos=1)
    for name in ("state", "set/observation", "set/pause"):
        other.client.publish(f"emotion/kiosk/{name}", "off", qos=1).wait_for_publish(5)
    device.publish(ModalityStatus("face", "ok"))
    topics = {topic for topic, _ in everyone.until("face/status")}
    assert ("emotion/kiosk/set/pause" in topics) is may_pause
    assert not topics & {"emotion/kiosk/state", "emotion/kiosk/set/observation"}
    read = {topic for topic, _ in other.until("face/status")}
    assert any(topic.startswith("homeassistant/") for topic in read) is may_pause
    for one in (other, everyone):
        one.close()


def test_the_shipped_access_list_lets_one_user_alone_send_models(
    tmp_path: Path, guarded: Mosquitto, connect: Connect
) -> None:
    device = connect(guarded.port, username="kiosk", password_file=_secret(tmp_path, "kiosk's"))
    wait_until(lambda: device.connected)
    everyone = Subscriber(guarded.port, username="listener", password="listener's")  # noqa: S106
    for user in ("homeassistant", "listener", "fleet"):
        other = Subscriber(guarded.port, client_id=user, username=user, password=f"{user}'s")
        for name in ("set/models", "set/text"):
            other.client.publish(f"emotion/kiosk/{name}", user, qos=1).wait_for_publish(5)
        other.close()
    device.publish(ModalityStatus("face", "ok"))
    received = everyone.until("face/status")
    assert [payload for topic, payload in received if topic.endswith("set/models")] == ["fleet"]
    assert "fleet" not in [payload for topic, payload in received if topic.endswith("set/text")]
    everyone.close()


def test_the_shipped_access_list_lets_a_device_write_only_its_own_topics(
    tmp_path: Path,
    guarded: Mosquitto,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    subscriber = Subscriber(guarded.port, username="listener", password="listener's")  # noqa: S106
    kiosk = {"username": "kiosk", "password_file": _secret(tmp_path, "kiosk's")}
    own = connect(guarded.port, **kiosk)
    own.publish(ModalityStatus("face", "ok"))
    own.publish(COMPOSER.event(event(1)))
    received = dict(subscriber.until("kiosk/event"))
    assert received["emotion/kiosk/status"] == "online"
    assert received["emotion/kiosk/face/status"] == "ok"
    robot = connect(guarded.port, device="robot", **kiosk)
    robot.publish(COMPOSER.event(event(2)))
    refusal = "refuses messages on emotion/robot/event (Not authorized)"
    wait_until(lambda: refusal in caplog.text)
    assert robot.delivery.waiting == 1
    own.publish(COMPOSER.event(event(3)))
    topics = [topic for topic, _ in subscriber.until("kiosk/event")]
    assert not [topic for topic in topics if topic.startswith("emotion/robot")]
    subscriber.close()


def test_a_broker_with_an_untrusted_certificate_is_refused_unless_insecure_is_set(
    encrypted: Mosquitto,
    authority: tuple[trustme.CA, Path],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stranger = connect(encrypted.port, tls=Tls(enabled=True))
    wait_until(lambda: "no trusted connection" in caplog.text)
    assert "check mqtt.tls" in caplog.text
    trusting = connect(
        encrypted.port, device="a", tls=Tls(enabled=True, ca_file=str(authority[1] / "ca.pem"))
    )
    careless = connect(encrypted.port, device="b", tls=Tls(enabled=True, insecure=True))
    wait_until(lambda: trusting.connected and careless.connected)
    assert not stranger.connected


def test_a_certificate_that_is_not_valid_yet_is_a_passing_state(
    tmp_path: Path, authority: tuple[trustme.CA, Path], caplog: pytest.LogCaptureFixture
) -> None:
    start = datetime.now(timezone.utc) + timedelta(hours=1)
    certificate = authority[0].issue_cert(HOST, not_before=start)
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    broker = Mosquitto(
        tmp_path, f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key"
    )
    broker.start()
    tls = Tls(enabled=True, ca_file=str(authority[1] / "ca.pem"))
    reconnect = Backoff(shortest_s=0.1, longest_s=600.0)
    publisher = Publisher(mqtt_settings(broker.port, tls=tls, reconnect=reconnect))
    publisher.start()
    wait_until(lambda: "is not valid yet at" in caplog.text)
    assert publisher._connection._outcome is Outcome.UNREACHABLE  # not the longest wait
    publisher.stop()
    broker.stop()


@pytest.mark.parametrize("encrypted", [True], indirect=True)
def test_a_broker_that_requires_a_certificate_gets_it(
    encrypted: Mosquitto,
    authority: tuple[trustme.CA, Path],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = authority[1]
    without = connect(
        encrypted.port, device="a", tls=Tls(enabled=True, ca_file=str(folder / "ca.pem"))
    )
    tls = Tls(
        enabled=True,
        ca_file=str(folder / "ca.pem"),
        certificate_file=str(folder / "kiosk.pem"),
        key_file=str(folder / "kiosk.key"),
    )
    publisher = connect(encrypted.port, tls=tls)
    wait_until(lambda: publisher.connected)
    wait_until(lambda: "does the broker ask for a certificate?" in caplog.text)
    assert not without.connected


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the ssl module has no pre-shared keys")
def test_a_shared_key_takes_the_place_of_certificates(tmp_path: Path, connect: Connect) -> None:
    keys = tmp_path / "keys"
    keys.write_text("kiosk:0123456789abcdef\n")
    keys.chmod(0o600)
    broker = Mosquitto(tmp_path, f"psk_file {keys}", "psk_hint emotiond")
    broker.start()
    file = _secret(tmp_path, "0123456789abcdef")
    tls = Tls(enabled=True, psk_identity="kiosk", psk_file=file)
    publisher = connect(broker.port, tls=tls)
    wait_until(lambda: publisher.connected)
    publisher.stop()
    broker.stop()


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the ssl module has pre-shared keys")
def test_a_shared_key_is_refused_where_python_is_too_old(tmp_path: Path) -> None:
    tls = Tls(enabled=True, psk_identity="kiosk", psk_file=_secret(tmp_path, "ab"))
    with pytest.raises(ConfigError, match=r"needs Python 3\.13 or later"):
        tls_context(tls)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"ca_file": "/none.pem"}, r"mqtt.tls.ca_file '/none.pem' cannot be used \(.*No such"),
        ({"ca_file": "EMPTY"}, r"mqtt.tls.ca_file '.*' cannot be used"),
        ({"certificate_file": "/c", "key_file": "/k"}, "certificate_file '/c with /k' cannot"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    empty = _secret(tmp_path, "")
    given = {key: empty if value == "EMPTY" else value for key, value in settings.items()}
    with pytest.raises(ConfigError, match=sentence):
        tls_context(Tls(enabled=True, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"host": "broker.example.org"}, "sent in clear text; set mqtt.tls.enabled"),
        ({"host": "localhost"}, ""),
        ({"host": "::1", "hosts": ["[::1]:1884"]}, ""),
        ({"host": "localhost", "hosts": ["other:1884"]}, "the password for other is sent in clear"),
        ({"tls": Tls(enabled=True)}, ""),
        ({"tls": Tls(enabled=True, insecure=True)}, "mqtt.tls.insecure accepts any certificate"),
    ],
)
def test_a_password_that_others_could_read_is_warned_of(
    tmp_path: Path, settings: dict[str, Any], sentence: str
) -> None:
    secret = {"username": "kiosk", "password_file": _secret(tmp_path, "secret")}
    factory = ClientFactory(Mqtt(**({"host": "h.example.org"} | settings | secret)), None)
    assert [sentence in one for one in factory.weaknesses] == [True] * bool(sentence)
    assert ClientFactory(Mqtt(host="h"), None).weaknesses == []


def test_weaknesses_are_logged_at_the_start_and_never_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = _secret(tmp_path, "s3cret")
    Publisher(Mqtt(host="h.example.org", username="kiosk", password_file=secret))
    Publisher(Mqtt(host="h.example.org", tls=Tls(enabled=True, insecure=True)))
    assert "the password for h.example.org is sent in clear text" in caplog.text
    assert "mqtt.tls.insecure accepts any certificate" in caplog.text
    assert "s3cret" not in caplog.text
