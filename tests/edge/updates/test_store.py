import errno
from pathlib import Path

import pytest

from edge.errors import UpdateError
from edge.updates.store import MAX_STARTS, Failure, ModelStore


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
    assert store.in_use == store.bundle("1.0")
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
    store.incoming.mkdir()

    def full(path: Path, content: bytes) -> None:
        if store.incoming.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr("edge.updates.store.replace", full)
    store.fail("2", "no space", final=False)
    assert (store.record.current, store.record.failure) == ("1", Failure("2", "no space"))


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
    assert record.failure == Failure("2", "the daemon did not become ready in 2 starts", "ab")
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
        Failure("2", "the installation was interrupted"),
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


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"current": "../../etc"}'])
def test_a_damaged_record_is_named_and_nothing_of_it_used(tmp_path: Path, content: bytes) -> None:
    store = ModelStore(tmp_path)
    _install(store, "1")
    (store.folder / "installed.json").write_bytes(content)
    with pytest.raises(UpdateError, match=r"installed.json: cannot be read; remove it"):
        store.start()
    assert store.in_use is None
