"""Models over the air: a real daemon, broker and HTTP server."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from benchmarks.harness.daemon import daemon
from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.subscriber import Subscriber
from edge.fusion.model import read_fusion, write_fusion
from edge.resources import MODELS
from edge.updates.bundle import BundleReader
from edge.updates.keys import TrustedKeys
from edge.updates.store import ModelStore
from tests.support.bundles import Signer, changed_pack, put_on_trial, sha256
from tests.support.daemon_settings import OFF, daemon_settings
from tests.support.privileges import NOBODY
from tests.support.servers import Answer, FileServer

INSTALLED = ["fetching", "checking", "starting", "starting", "installed"]
"""States of an update that succeeds; the daemon that takes over repeats the third."""


class Fleet:
    """What a device says about its models, and what it is asked for."""

    def __init__(self, subscriber: Subscriber, server: FileServer) -> None:
        self._subscriber, self._server = subscriber, server
        self.text_model = ""
        """Version of the text model that the device uses, empty for none."""

    def offer(self, version: str, bundle: Path) -> dict[str, str]:
        """Puts a bundle on the server, and returns the command that asks for it."""
        self.answer(version, Answer(bundle.read_bytes()))
        return {"version": version, "sha256": sha256(bundle)}

    def answer(self, version: str, answer: Answer) -> None:
        self._server.answers[f"/fleet/models-{version}.tar"] = answer

    def ask(self, command: Any, retain: bool = False) -> None:
        payload = json.dumps(command)
        self._subscriber.client.publish("emotion/kiosk/set/models", payload, qos=1, retain=retain)

    def until(self, *states: str) -> list[dict[str, str]]:
        """Returns the device's words up to one of these states."""
        heard: list[dict[str, str]] = []
        while not heard or heard[-1]["state"] not in states:
            received = self._subscriber.until("kiosk/models")
            heard.append(json.loads(received[-1][1])["data"])
            self.note(received)
        return heard

    def note(self, received: list[tuple[str, str]]) -> None:
        for topic, payload in received:
            if topic.endswith("kiosk/info"):
                models = json.loads(payload)["data"]["models"]
                self.text_model = models["text"]["version"] if "text" in models else ""


def _settings(
    broker: Mosquitto, signer: Signer, server: FileServer, **changes: Any
) -> dict[str, Any]:
    updates = {"source": f"{server.address}/fleet/", "keys": str(signer.trusted)}
    return daemon_settings(broker.port, models={"updates": updates}) | changes


def _without_models(
    broker: Mosquitto, signer: Signer, server: FileServer, **changes: Any
) -> dict[str, Any]:
    """Settings of a daemon that loads nothing but a fusion file, which is quick."""
    return _settings(broker, signer, server, text=OFF, **changes)


def _installed(folder: Path, bundle: Path, signer: Signer) -> ModelStore:
    """Installs a bundle for the next daemon with its state in a folder."""
    store = ModelStore(folder / "state")
    store.confirm(put_on_trial(store, bundle, signer.trusted))
    return store


def test_a_device_is_updated_over_the_air_and_refuses_what_it_must(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    fleet = Fleet(subscriber, server)
    newer = changed_pack(tmp_path / "newer", "text", version="77")
    unfit = changed_pack(tmp_path / "unfit", "speech").rename(tmp_path / "unfit" / "text.json")
    first = fleet.offer("1.1", signer.sign("1.1", newer))
    with daemon(tmp_path, _settings(broker, signer, server)) as process:
        assert fleet.until("idle")[0]["version"] == ""
        fleet.ask(first)
        assert [one["state"] for one in fleet.until("installed")] == INSTALLED
        assert fleet.text_model == "77"

        redirect = Answer(status=302, headers={"Location": "http://example.org/models"})
        whole = signer.sign("2").read_bytes()
        fleet.answer("2", redirect)
        fleet.answer("3", Answer(whole[:9000], announced_bytes=len(whole)))
        fleet.answer("4", Answer(whole))
        refusals = [
            ({"version": "2", "sha256": "0" * 64}, "redirects to example.org"),
            ({"version": "3", "sha256": "0" * 64}, f"ended after 9000 of {len(whole)} bytes"),
            ({"version": "4", "sha256": "0" * 64}, "the sha256 of what was fetched is "),
            ({"version": "5", "sha256": "0" * 64}, "the server answers 404"),
            (fleet.offer("6", signer.sign("6", key=signer.strange_key)), "not by a trusted key"),
            (fleet.offer("1.0", signer.sign("1.0")), "1.0 is not newer than 1.1, which was in use"),
            (fleet.offer("7", signer.sign("8")), "the bundle is version 8, not 7"),
        ]
        for command, reason in refusals:
            fleet.ask(command)
            last = fleet.until("failed")[-1]
            assert reason in last["reason"]
            assert (last["version"], last["wanted"]) == ("1.1", command["version"])

        fleet.ask(fleet.offer("9", signer.sign("9", unfit)))
        last = fleet.until("failed")[-1]
        assert "text is degraded: " in last["reason"]
        assert "this is a speech model, a text model was expected" in last["reason"]
        assert last["version"] == "1.1"
        assert "cryptography" not in Path(f"/proc/{process.pid}/maps").read_text()
        fleet.until("failed")  # the daemon that takes over says it again
        while fleet.text_model != "77":
            fleet.note(subscriber.until("kiosk/info"))


def test_a_device_whose_power_fails_between_the_renames_keeps_its_models_and_says_so(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    fleet = Fleet(subscriber, server)
    store = _installed(tmp_path, signer.sign("1"), signer)
    store.begin("2", "")
    with signer.sign("2").open("rb") as stream:
        BundleReader(stream, TrustedKeys(signer.trusted)).extract(store.incoming)
    store.adopt("2")  # and here the power fails
    with daemon(tmp_path, _without_models(broker, signer, server)):
        (last,) = fleet.until("failed")
        assert last["reason"] == "the installation was interrupted"
        assert (last["version"], last["wanted"]) == ("1", "2")
        fleet.ask(fleet.offer("2", signer.sign("2")))
        assert fleet.until("installed")[-1]["version"] == "2"


def test_a_bundle_whose_key_is_no_longer_trusted_is_not_loaded(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    _installed(tmp_path, signer.sign("1"), signer)
    other = Signer(tmp_path / "other")
    with daemon(tmp_path, _without_models(broker, other, server)):
        (last,) = Fleet(subscriber, server).until("failed")
    assert "the signature is not by a trusted key" in last["reason"]
    assert (last["version"], last["wanted"]) == ("", "1")


def test_a_fusion_file_that_does_not_load_ends_the_trial(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    store = _installed(tmp_path, signer.sign("1"), signer)
    fusion = msgspec.structs.replace(read_fusion(MODELS / "fusion.json"), network=None)
    write_fusion(fusion, path := tmp_path / "fusion.json")
    put_on_trial(store, signer.sign("2", path), signer.trusted)
    with daemon(tmp_path, _without_models(broker, signer, server, fusion={"strategy": "feature"})):
        last = Fleet(subscriber, server).until("failed")[-1]
    assert last["reason"].startswith("fusion is degraded: ")
    assert str(tmp_path) not in last["reason"]
    assert (last["version"], last["wanted"]) == ("1", "2")


def test_a_full_disk_is_named_and_the_old_models_stay(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if subprocess.run(size, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    fleet = Fleet(subscriber, server)
    settings = _without_models(broker, signer, server, state_folder=str(disk))
    try:
        with daemon(tmp_path, settings):
            fleet.until("idle")
            fleet.ask(fleet.offer("2", signer.sign("2", MODELS / "speech.json")))
            last = fleet.until("failed")[-1]
            assert last["reason"] == "the state folder cannot be written (No space left on device)"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_retained_command_is_obeyed_and_its_refused_bundle_not_fetched_again(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    fleet = Fleet(subscriber, server)
    fleet.ask(fleet.offer("2", signer.sign("2", key=signer.strange_key)), retain=True)
    settings = _without_models(broker, signer, server)
    server.asked.clear()
    with daemon(tmp_path, settings) as process:
        assert "not by a trusted key" in fleet.until("failed")[-1]["reason"]
        process.send_signal(signal.SIGHUP)
        assert "not by a trusted key" in fleet.until("failed")[-1]["reason"]
        fleet.ask({"version": "5", "sha256": "0" * 64})
        assert fleet.until("failed")[-1]["wanted"] == "5"
    assert server.asked == ["/fleet/models-2.tar", "/fleet/models-5.tar"]


def test_nothing_is_fetched_unless_a_source_is_configured_and_asked_for_by_version(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    fleet = Fleet(subscriber, server)
    server.asked.clear()
    with daemon(tmp_path, daemon_settings(broker.port, text=OFF)):
        subscriber.until("kiosk/info")
        for command, reason in (
            ({"version": "2", "sha256": "0" * 64}, "models.updates.source is not set"),
            ({"version": "../2", "sha256": "0" * 64}, 'expected {"version": "1.2.0", '),
            ({"version": "2", "sha256": "0", "url": server.address}, "expected {"),
        ):
            fleet.ask(command)
            received = subscriber.until("kiosk/error")
            assert reason in json.loads(received[-1][1])["data"]["reason"]
            assert not [topic for topic, _ in received if topic.endswith("kiosk/models")]
    assert server.asked == []


def _models(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = ["--config", str(folder / "config.yaml")]
    command = [sys.executable, "-m", "edge.cli", "models", *config, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_models_are_installed_listed_verified_and_rolled_back_by_hand(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, signer: Signer, server: FileServer
) -> None:
    fleet, first = Fleet(subscriber, server), signer.sign("1")
    fleet.offer("1", first)
    with daemon(tmp_path, _without_models(broker, signer, server)):
        fleet.until("idle")
        done = _models(tmp_path, "install", str(first))
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "version 1 is in use")
        fleet.until("installed")
        refused = _models(tmp_path, "install", f"{server.address}/fleet/models-1.tar")
        assert refused.returncode == 1
        assert refused.stderr == "emotiond: version 1 is in use already\n"
        listed = _models(tmp_path, "list").stdout
        assert "in use:   1\n" in listed
        assert "previous: models.folder, no bundle" in listed
        assert listed.splitlines()[-1].split()[0] == "fusion.json"
        assert listed.endswith("  bundle 1\n")
        (tmp_path / "state" / "models" / "bundles" / "1" / "fusion.json").write_text("{}")
        assert "fusion.json is damaged" in _models(tmp_path, "verify").stderr
        folder = tmp_path / "unpacked"
        shutil.unpack_archive(signer.sign("3"), folder, "tar")
        verified = _models(tmp_path, "verify", str(folder))
        assert verified.stdout.endswith("version 3: signed by a trusted key, undamaged\n")
        assert _models(tmp_path, "rollback").returncode == 0
        assert fleet.until("idle")[-1]["version"] == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another user")
def test_root_acts_as_the_owner_of_the_state_folder(tmp_path: Path, signer: Signer) -> None:
    store = _installed(tmp_path, signer.sign("1"), signer)
    folder = store.folder.parent
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    tmp_path.chmod(0o700)  # as /var/lib/private
    settings = {"camera": {"enabled": False}, "state_folder": str(folder)}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    done = _models(tmp_path, "rollback")
    assert done.stdout == "in use from now on: models.folder, no bundle\n", done.stderr
    assert store.record.current == ""
    assert {one.lstat().st_uid for one in folder.rglob("*")} == {NOBODY}
