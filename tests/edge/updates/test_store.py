import errno
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edge.durable import locked
from edge.errors import UpdateError
from edge.updates.record import MAX_ATTEMPTS, Failure
from edge.updates.store import MAX_STARTS, RECORD_LOCK, ModelStore


def _switch(store: ModelStore, version: str) -> None:
    with store.locked():
        store.begin(version, "ab")
        store.incoming.mkdir()
        store.adopt(version)
        store.switch(version)


def _install(store: ModelStore, version: str) -> None:
    _switch(store, version)
    store.start()
    store.confirm(version)


def test_a_bundle_is_in_use_from_the_switch_and_kept_once_confirmed(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    assert store.start().in_use == ""
    _switch(store, "1.0")
    assert (store.record.in_use, store.record.current) == ("1.0", "")
    store.start()
    store.confirm("1.0")
    assert (store.record.current, store.record.candidate) == ("1.0", "")


def test_only_the_bundle_on_trial_is_confirmed(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    _install(store, "1")
    _switch(store, "2")
    for version in ("1", ""):  # a daemon that never loaded 2 is ready
        store.confirm(version)
    assert (store.record.current, store.record.candidate) == ("1", "2")
    store.confirm("2")
    store.confirm("")
    assert (store.record.current, store.record.previous) == ("2", "1")


def test_what_is_half_unpacked_is_removed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(tmp_path)
    _install(store, "1")
    store.begin("2", "ab")
    store.incoming.mkdir()

    def full(path: Path, content: bytes) -> None:
        if store.incoming.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr("edge.updates.store.replace", full)
    store.fail("2", "no space", passing=True)
    record = store.record
    assert (record.current, record.failure) == ("1", Failure("2", "no space", "ab", passing=True))


def test_only_the_bundle_in_use_and_the_one_before_take_space(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    for version in ("1", "2", "3"):
        _install(store, version)
    assert sorted(one.name for one in store.bundle("3").parent.iterdir()) == ["2", "3"]


def test_a_rollback_returns_to_the_bundle_before_and_then_to_none(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    for version in ("1", "2"):
        _install(store, version)
    assert [store.roll_back(), store.roll_back()] == ["1", ""]
    with pytest.raises(UpdateError, match="no bundle is in use"):
        store.roll_back()
    assert store.record.newest == "2"


def test_a_daemon_that_does_not_become_ready_gets_its_old_models_back(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    _install(store, "1")
    _switch(store, "2")
    assert [store.start().in_use for _ in range(MAX_STARTS)] == ["2"] * MAX_STARTS
    record = store.start()
    assert record.in_use == "1"
    reason = "the daemon did not become ready in 2 starts"
    assert record.failure == Failure("2", reason, "ab", passing=True)
    assert not store.bundle("2").exists()


def test_a_cut_between_the_two_renames_leaves_the_old_models(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    _install(store, "1")
    with store.locked():
        store.begin("2", "ab")
        store.incoming.mkdir()
        store.adopt("2")
        assert store.start().failure is None  # another process is at work
    record = ModelStore(tmp_path).start()
    assert (record.in_use, record.failure) == (
        "1",
        Failure("2", "the installation was interrupted", "ab", passing=True),
    )
    assert not store.bundle("2").exists()
    _install(store, "2")
    assert store.record.failure is None


def test_nothing_is_installed_beside_another_installation_or_trial(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with store.locked(), pytest.raises(UpdateError, match="being installed"), store.locked():
        pass
    _switch(store, "1")
    with pytest.raises(UpdateError, match="1 is being tried just now"):
        store.begin("2", "")


def test_two_processes_that_change_the_record_at_once_lose_nothing(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    _switch(store, "1")
    with locked(store.folder / RECORD_LOCK):
        steps: list[Callable[[], object]] = [
            partial(store.confirm, "1"),
            store.start,
            partial(store.fail, "1", "no"),
        ]
        threads = [threading.Thread(target=one) for one in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(0.05)
            assert thread.is_alive()
        assert store.record.starts == 0
    for thread in threads:
        thread.join()
    record = store.record  # of the two ends, whichever comes first counts
    assert (record.current == "1") != (record.failure is not None)


def test_whoever_waits_for_the_record_too_long_is_told_and_has_changed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(tmp_path)
    _switch(store, "1")
    with (
        locked(store.folder / RECORD_LOCK),
        pytest.raises(TimeoutError, match="another process is changing it"),
        locked(store.folder / RECORD_LOCK, wait_s=0.05),
    ):
        pass


def test_a_bundle_that_fails_in_every_trial_is_not_tried_for_ever(tmp_path: Path) -> None:
    store, passing = ModelStore(tmp_path), []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        store.begin("2", "ab", attempt)
        store.incoming.mkdir()
        store.adopt("2")
        store.switch("2")
        failure = store.fail("2", "out of memory", passing=True).failure
        assert failure is not None
        passing.append(failure.retry_s is not None)
    assert passing == [True] * (MAX_ATTEMPTS - 1) + [False]
    last = store.record.failure
    assert last is not None
    assert not last.passing


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"current": "../../etc"}'])
def test_a_damaged_record_is_named_and_nothing_of_it_used(tmp_path: Path, content: bytes) -> None:
    store = ModelStore(tmp_path)
    _install(store, "1")
    (store.folder / "installed.json").write_bytes(content)
    with pytest.raises(UpdateError, match=r"installed.json: is damaged; remove it"):
        store.start()
