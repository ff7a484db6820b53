"""A file that ends, blocks or fills its decoder costs that file alone."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.decoder import ContainedDecoder
from edge.capture.decoding import Job, Worker
from edge.capture.media import read_frames, read_sound
from edge.commands.predict import Predictor
from edge.config import Config, Files
from edge.errors import InstallationError, NoTrackError, SourceError
from tests.support.waiting import wait_until


@pytest.fixture
def decoder() -> Iterator[ContainedDecoder]:
    with ContainedDecoder(Files()) as contained:
        yield contained


def test_a_contained_decoder_gives_what_a_direct_one_gives(
    decoder: ContainedDecoder, tmp_path: Path
) -> None:
    direct = list(read_frames(HAPPY_CLIP, 15.0))
    contained = list(decoder.frames(HAPPY_CLIP, 15.0))
    assert [one.captured_s for one in contained] == [one.captured_s for one in direct]
    assert all(
        np.array_equal(one.pixels, other.pixels)
        for one, other in zip(contained, direct, strict=True)
    )
    assert np.array_equal(decoder.sound(HAPPY_CLIP), read_sound(HAPPY_CLIP))
    cv2.imwrite(str(tmp_path / "a.png"), direct[0].pixels)
    assert np.array_equal(decoder.picture(tmp_path / "a.png"), direct[0].pixels)


def test_an_error_keeps_its_kind_and_the_next_file_is_read(
    decoder: ContainedDecoder, tmp_path: Path
) -> None:
    rubbish = tmp_path / "rubbish.wav"
    rubbish.write_bytes(b"rubbish")
    with pytest.raises(SourceError, match="not a readable sound"):
        decoder.sound(rubbish)
    with pytest.raises(NoTrackError):
        list(decoder.frames(_sound_only(tmp_path), 15.0))
    assert len(decoder.sound(HAPPY_CLIP))


def _sound_only(folder: Path) -> Path:
    from benchmarks.harness.media import mux, tone

    return mux(folder / "voice.webm", [tone()])


def test_a_decoder_that_is_killed_costs_one_file() -> None:
    worker = Worker(Files())
    pieces = worker.pieces(Job("frames", bytes(HAPPY_CLIP), 15.0))
    next(pieces)
    os.kill(worker.process_id, signal.SIGSEGV)
    with pytest.raises(SourceError, match=r"the decoder ended with SIGSEGV; is it damaged\?"):
        list(pieces)
    assert not worker.is_idle
    worker.close()


def children() -> set[int]:
    """Returns the processes that decode files for this one."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(one) for one in (task / "children").read_text().split()}
    return {one for one in found if b"decoding_process" in _command(one)}


def has_ended(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    return not status.exists() or ") Z " in status.read_text()


def _command(process_id: int) -> bytes:
    return Path(f"/proc/{process_id}/cmdline").read_bytes()


def test_a_decoder_that_ended_while_it_had_nothing_to_do_costs_no_file(
    decoder: ContainedDecoder,
) -> None:
    wait_until(lambda: len(children()) == 1)
    (first,) = children()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: has_ended(first))
    assert len(decoder.sound(HAPPY_CLIP))


def test_a_system_that_allows_no_more_processes_costs_single_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ContainedDecoder(Files()) as first:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            second = ContainedDecoder(Files())
            with pytest.raises(SourceError, match=r"no process can be .* \(Too many open files\)"):
                second.sound(HAPPY_CLIP)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(first.sound(HAPPY_CLIP)) == len(second.sound(HAPPY_CLIP))
        second.close()


def test_a_decoder_ends_with_the_process_that_uses_it_even_within_a_file() -> None:
    script = (
        "import os, signal\n"
        "from edge.capture.decoding import Job, Worker\n"
        "from edge.config import Files\n"
        "worker = Worker(Files())\n"
        f"list(worker.pieces(Job('sound', {bytes(HAPPY_CLIP)!r})))\n"
        "os.kill(worker.process_id, signal.SIGSTOP)  # as one that hangs\n"
        "print(worker.process_id, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGTERM
    wait_until(lambda: has_ended(int(done.stdout)))


def test_a_library_that_cannot_be_loaded_is_named_instead_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "soxr.py").write_text("raise OSError('libsoxr.so.0: not found')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        ContainedDecoder(Files()) as decoder,
        pytest.raises(
            InstallationError, match=r"no file can .*: OSError: libsoxr\.so\.0: not found"
        ),
    ):
        decoder.sound(HAPPY_CLIP)


def test_a_decoder_that_cannot_start_is_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "soxr.py").write_text("import os; os._exit(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        ContainedDecoder(Files()) as decoder,
        pytest.raises(InstallationError, match="ended with exit code 3; is the installation"),
    ):
        decoder.sound(HAPPY_CLIP)


def test_the_memory_of_a_decoder_grows_with_the_sound_that_is_allowed() -> None:
    bounds = []
    for limits in (Files(), Files(max_sound_s=86_400)):
        worker = Worker(limits)
        list(worker.pieces(Job("sound", bytes(HAPPY_CLIP))))
        rows = Path(f"/proc/{worker.process_id}/limits").read_text().splitlines()
        bounds.append(next(int(row.split()[3]) for row in rows if row.startswith("Max data size")))
        worker.close()
    assert bounds[1] - bounds[0] > 3 * 2 * 16_000 * (86_400 - 3600)


def test_predict_ends_its_decoder(tmp_path: Path) -> None:
    before = children()
    with Predictor(Config()) as predictor:
        wait_until(lambda: len(children() - before) == 1)
        assert len(list(predictor.paths([tmp_path / "none.jpg"]))) == 1
    assert children() == before


def test_a_video_that_is_not_read_to_its_end_blocks_nothing(decoder: ContainedDecoder) -> None:
    first = decoder.frames(HAPPY_CLIP, 15.0)
    next(first)
    assert len(decoder.sound(HAPPY_CLIP))
    first.close()  # type: ignore[attr-defined]
    assert len(list(decoder.frames(HAPPY_CLIP, 15.0))) == 28


def test_memory_is_bounded_and_the_limit_is_that_of_the_configuration(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 200, 3), np.uint8))
    with (
        ContainedDecoder(Files(max_picture_mpx=0.01)) as decoder,
        pytest.raises(SourceError, match="max_picture_mpx"),
    ):
        decoder.picture(tmp_path / "a.png")


@pytest.mark.parametrize("name", [b"caf\xe9.mkv", b"2026-11-28T10:15:30.mkv", b"a\nb%s.mkv"])
def test_a_file_of_any_name_is_read(decoder: ContainedDecoder, tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
    shutil.copy(HAPPY_CLIP, path)
    assert len(list(decoder.frames(path, 15.0))) == 28
    assert len(decoder.sound(path))
    with pytest.raises(SourceError, match="not a readable picture"):
        decoder.picture(path)
