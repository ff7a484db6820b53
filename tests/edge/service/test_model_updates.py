"""What a daemon does with its installed bundle, on a disk and a clock of the test's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, Models, Updates
from edge.errors import ModelError
from edge.fusion.model import load_fusion
from edge.publish.payloads import ModelsData
from edge.service import model_updates
from edge.service.model_updates import FUSION, SETTLE_S, ModelUpdates
from edge.updates.record import RETRY_S
from edge.updates.store import ModelStore
from tests.support.bundles import Signer, put_on_trial, sha256
from tests.support.clock import FakeClock
from tests.support.servers import Answer, FileServer
from tests.support.waiting import wait_until


class Device:
    """Daemons, one after another, with one state folder; `heard` has what they publish."""

    def __init__(self, folder: Path, signer: Signer, source: str = "") -> None:
        self._folder, self._signer = folder, signer
        updates = Updates(source=source, keys=str(signer.trusted))
        self._config = Config(models=Models(updates=updates))
        self.store, self.clock = ModelStore(folder), FakeClock()
        self.heard: list[ModelsData] = []
        self.reloads = 0

    def start(self) -> ModelUpdates:
        return ModelUpdates(
            self._config, self._folder, self.clock, self.heard.append, self._note_reload
        )

    def _note_reload(self) -> None:
        self.reloads += 1

    def put_on_trial(self, version: str) -> None:
        put_on_trial(self.store, self._signer.sign(version), self._signer.trusted)

    @property
    def last(self) -> tuple[str, str, str]:
        """State, version in use and version asked for."""
        return self.heard[-1].state, self.heard[-1].version, self.heard[-1].wanted


@pytest.fixture
def device(tmp_path: Path, signer: Signer) -> Device:
    device = Device(tmp_path / "state", signer)
    device.put_on_trial("1")
    device.store.confirm("1")
    return device


@contextmanager
def _full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge.updates.store.replace", refuse)
        yield


def test_a_start_that_no_disk_can_count_leaves_the_good_models(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.put_on_trial("2")
    with _full_disk(monkeypatch):
        updates = device.start()
    assert device.last == ("failed", "1", "2")
    assert device.heard[-1].reason.endswith("cannot be written (No space left on device)")
    assert updates.loader.path("fusion.json") == device.store.bundle("1") / "fusion.json"
    device.start()  # the disk has room again
    assert device.last == ("starting", "2", "2")


def test_a_damaged_bundle_that_no_disk_can_note_leaves_the_good_models(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.put_on_trial("2")
    (device.store.bundle("2") / "fusion.json").write_text("{}")
    monkeypatch.setattr(ModelStore, "start", lambda store: store.record)  # it fills up later
    with _full_disk(monkeypatch):
        device.start()
    assert device.last == ("failed", "1", "2")


def test_a_damaged_bundle_is_not_said_to_be_in_use(device: Device) -> None:
    (device.store.bundle("1") / "fusion.json").write_text("{}")
    updates = device.start()
    assert device.last == ("failed", "", "1")
    assert not updates.loader.is_installed("fusion.json")


def test_what_changes_after_the_check_is_not_loaded(device: Device) -> None:
    loader = device.start().loader
    path = loader.path("fusion.json")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelError, match="has changed since its signature was checked"):
        load_fusion(path, sha256=loader.sha256("fusion.json"))


@pytest.mark.parametrize(("untried", "passing"), [([FUSION], True), ([], False)])
def test_a_trial_that_lacked_memory_is_repeated_and_a_bad_model_is_not(
    device: Device, untried: list[str], passing: bool
) -> None:
    device.put_on_trial("2")
    updates = device.start()
    updates.judge({FUSION: f"degraded: {device.store.bundle('2')}/fusion.json: no"}, untried)
    assert device.last == ("failed", "1", "2")
    assert (
        device.heard[-1].reason
        == "fusion is degraded: state_folder/models/bundles/2/fusion.json: no"
    )
    failure = device.store.record.failure
    assert failure is not None
    assert (failure.passing, device.reloads) == (passing, 1)


def test_what_failed_by_no_fault_of_its_own_is_fetched_again_after_a_wait(
    tmp_path: Path, signer: Signer, server: FileServer
) -> None:
    device, bundle = Device(tmp_path, signer, f"{server.address}/fleet/"), signer.sign("1")
    updates = device.start()
    updates.request("1", sha256(bundle), retained=True)
    wait_until(lambda: device.last[0] == "failed" and updates._job is None)
    assert device.heard[-1].reason == "the server answers 404"
    server.asked.clear()
    server.answers["/fleet/models-1.tar"] = Answer(bundle.read_bytes())
    updates.request("1", sha256(bundle), retained=True)  # the broker repeats it
    updates.check(device.clock.now_s() + RETRY_S[0] / 3)
    assert device.last[0] == "failed"
    updates.check(device.clock.now_s() + RETRY_S[0])
    wait_until(lambda: device.reloads == 1)
    assert server.asked == ["/fleet/models-1.tar"]
    updates.stop()
    updates = device.start()
    updates.judge({}, [])
    updates.check(device.clock.now_s() + SETTLE_S)
    assert device.last == ("installed", "1", "")


def test_a_daemon_that_could_not_start_again_tries_the_bundle_later(
    tmp_path: Path, signer: Signer, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_updates, "RELOAD_S", 0.05)
    device, bundle = Device(tmp_path, signer, f"{server.address}/fleet/"), signer.sign("1")
    server.answers["/fleet/models-1.tar"] = Answer(bundle.read_bytes())
    device.start().request("1", sha256(bundle), retained=True)
    wait_until(lambda: device.last[0] == "failed")
    failure = device.store.record.failure
    assert failure is not None
    assert (failure.reason, failure.retry_s) == (
        "the daemon could not start again: its log says why",
        RETRY_S[0],
    )
