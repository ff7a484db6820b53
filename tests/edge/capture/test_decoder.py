"""A file that ends, blocks or fills its decoder costs that file alone."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.decoder import ContainedDecoder
from edge.capture.decoding import Job, Worker
from edge.capture.media import read_frames, read_sound
from edge.config import Files
from edge.errors import NoTrackError, SourceError


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
