"""What is checked before a bundle is used, in the process that does it."""

import os
import signal
import threading
from pathlib import Path

import msgspec
import pytest

from edge.config import Fusion, Updates
from edge.errors import UpdateError
from edge.fusion.model import read_fusion, write_fusion
from edge.resources import MODELS
from edge.updates.job import Job, Progress
from edge.updates.process import JobProcess
from edge.updates.record import Failure
from edge.updates.store import ModelStore
from edge.updates.worker import run
from tests.support.bundles import Signer, changed_pack, sha256
from tests.support.packs import crashing_pack

WANTED = ("speech.json", "fusion.json")


def _run(job: Job, bundle: Path, install: bool = True) -> Progress:
    heard: list[Progress] = []
    stream = os.open(bundle, os.O_RDONLY)  # the job closes it
    run(msgspec.structs.replace(job, stream=stream, install=install), heard.append)
    return heard[-1]


@pytest.fixture
def job(tmp_path: Path, signer: Signer) -> Job:
    updates = Updates(keys=str(signer.trusted), max_bytes=1_000_000)
    return Job(state_folder=str(tmp_path / "state"), settings=updates, wanted=WANTED)


def test_a_model_that_ends_its_process_is_refused(tmp_path: Path, signer: Signer, job: Job) -> None:
    bundle = signer.sign("1", crashing_pack(tmp_path))
    last = _run(job, bundle, install=False)
    assert last.step == "failed"
    assert last.reason.startswith("speech.json: running it ends the process (SIGSEGV)")


def test_a_model_with_other_answers_than_it_had_is_refused(
    tmp_path: Path, signer: Signer, job: Job
) -> None:
    pack = changed_pack(tmp_path / "other", "speech", temperature=0.05)
    last = _run(job, signer.sign("1", pack))
    assert "the answer to check sample" in last.reason
    assert ModelStore(tmp_path / "state").record.in_use == ""


def test_a_bundle_without_any_file_that_is_used_is_refused(signer: Signer, job: Job) -> None:
    last = _run(job, signer.sign("1", MODELS / "detector-short.json"))
    assert last.reason.startswith("the configuration uses fusion.json, speech.json; the bundle has")


def test_a_bundle_whose_files_are_too_large_together_is_refused(signer: Signer, job: Job) -> None:
    settings = msgspec.structs.replace(job.settings, max_bytes=2000)
    last = _run(msgspec.structs.replace(job, settings=settings), signer.sign("1"))
    assert "more than max_bytes, 2000" in last.reason


def test_an_older_bundle_is_installed_only_if_its_owner_insists(signer: Signer, job: Job) -> None:
    store = ModelStore(Path(job.state_folder))
    for version in ("1", "2"):
        assert _run(job, signer.sign(version)).step == "starting"
        store.confirm(version)
    store.roll_back()
    store.roll_back()
    assert "version 2 is not newer than 2, which" in _run(job, signer.sign("2")).reason
    asked = msgspec.structs.replace(job, version="2", address="http://127.0.0.1:1/models-2.tar")
    heard: list[Progress] = []
    run(asked, heard.append)
    assert [one.step for one in heard] == ["failed"]  # before anything is fetched
    assert "version 2 is not newer than 2" in heard[0].reason
    older = msgspec.structs.replace(job, allow_older=True)
    assert _run(older, signer.sign("1")) == Progress("starting", "1")


def test_only_the_files_that_were_signed_are_verified(signer: Signer, job: Job) -> None:
    store = ModelStore(Path(job.state_folder))
    bundle = signer.sign("1")
    assert _run(job, bundle).step == "starting"
    folder = store.bundle("1")
    (folder / "text.json").write_text("{}")
    last = JobProcess(msgspec.structs.replace(job, install=False)).run(lambda _: None)
    assert (last.step, last.files) == ("verified", {"fusion.json": sha256(MODELS / "fusion.json")})


def test_a_damaged_bundle_may_be_installed_again_and_a_whole_one_not(
    signer: Signer, job: Job
) -> None:
    store, bundle = ModelStore(Path(job.state_folder)), signer.sign("1")
    _run(job, bundle)
    store.confirm("1")
    assert _run(job, bundle).reason == "version 1 is in use already"
    (store.bundle("1") / "fusion.json").write_text("{}")
    assert _run(job, bundle) == Progress("starting", "1")
    record = store.confirm("1")
    assert (record.current, record.previous) == ("1", "")


def test_a_fusion_file_without_the_network_that_the_configuration_wants_is_refused(
    tmp_path: Path, signer: Signer, job: Job
) -> None:
    fusion = msgspec.structs.replace(read_fusion(MODELS / "fusion.json"), network=None)
    write_fusion(fusion, path := tmp_path / "fusion.json")
    wanting = msgspec.structs.replace(job, fusion=Fusion(strategy="feature"))
    last = _run(wanting, signer.sign("1", path))
    assert (last.step, last.passing) == ("failed", False)
    failure = ModelStore(Path(job.state_folder)).record.failure
    assert failure is not None
    assert failure.version == "1"  # which the command did not name
    assert last.reason.startswith("fusion.json: fusion.strategy is 'feature', and this file has no")


@pytest.mark.parametrize(
    ("keys", "passing"), [("keys", False), ("nowhere", True)], ids=["stranger", "no keys"]
)
def test_only_a_fault_of_the_bundle_itself_is_final(
    signer: Signer, job: Job, keys: str, passing: bool
) -> None:
    settings = msgspec.structs.replace(job.settings, keys=str(signer.trusted.with_name(keys)))
    asked = msgspec.structs.replace(job, settings=settings, version="1", sha256="ab", attempt=2)
    last = _run(asked, signer.sign("1", key=signer.strange_key))
    failure = Failure("1", last.reason, "ab", passing, attempt=2)
    assert (last.passing, ModelStore(Path(job.state_folder)).record.failure) == (passing, failure)


def test_a_check_that_no_time_was_left_for_says_so_and_may_be_tried_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.updates.process.CHECKS_S", 0.01)
    last = JobProcess(job).run(lambda _: None)
    assert last == Progress("failed", "", "it took longer than 0.01 s", passing=True)


def test_a_process_whose_time_cannot_be_limited_does_not_go_on(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", refuse)
    process = JobProcess(job)
    with pytest.raises(UpdateError, match="it could not be checked"):
        process.run(lambda _: None)
    assert process._child is not None
    assert process._child.returncode == -signal.SIGKILL


def test_a_process_without_an_answer_is_a_failure(job: Job) -> None:
    stopped = JobProcess(job)
    last = stopped.run(lambda _: None)  # neither a bundle nor an address to install from
    assert last.step == "failed"


def test_a_job_that_is_stopped_before_it_begins_never_does(job: Job) -> None:
    process = JobProcess(job)
    process.stop()
    with pytest.raises(UpdateError, match="stopped before it began"):
        process.run(lambda _: None)
    assert not Path(job.state_folder).exists()
