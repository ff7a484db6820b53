"""What is checked before a bundle is used, in the process that does it."""

import os
from pathlib import Path

import msgspec
import pytest

from edge.config import Updates
from edge.errors import UpdateError
from edge.resources import MODELS
from edge.updates.job import Job, Progress
from edge.updates.process import JobProcess
from edge.updates.store import ModelStore
from edge.updates.worker import run
from tests.support.bundles import Signer, changed_pack
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
    older = msgspec.structs.replace(job, allow_older=True)
    assert _run(older, signer.sign("1")) == Progress("starting", "1")


def test_a_file_that_nobody_signed_makes_a_bundle_unusable(signer: Signer, job: Job) -> None:
    store = ModelStore(Path(job.state_folder))
    assert _run(job, signer.sign("1")).step == "starting"
    again = msgspec.structs.replace(job, install=False)
    assert JobProcess(again).run(lambda _: None).step == "verified"
    (store.bundle("1") / "text.json").write_text("{}")
    last = JobProcess(again).run(lambda _: None)
    assert (last.step, last.reason) == ("failed", "version 1: text.json is not what was signed")


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
