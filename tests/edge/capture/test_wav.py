"""All of a WAV is heard wherever its chunks are, and whatever its byte order and its spare bits."""

import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.media import RATE_HZ, tone
from edge.capture.sounds import read_recording

PCM = np.rint(tone() * 32767).astype("<i2")
PCM_FORMAT = struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(kind: bytes, content: bytes, order: str = "<") -> bytes:
    return kind + struct.pack(f"{order}I", len(content)) + content


def riff(*chunks: bytes, start: bytes = b"RIFF", order: str = "<") -> bytes:
    return chunk(start, b"WAVE" + b"".join(chunks), order)


FORM, SOUND = chunk(b"fmt ", PCM_FORMAT), chunk(b"data", PCM.tobytes())
HALVES = [chunk(b"data", half.tobytes()) for half in np.split(PCM, 2)]
OF_24_IN_32 = (
    struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE_HZ, 4 * RATE_HZ, 4, 32, 22, 24, 4)
    + struct.pack("<H", 1)
    + GUID_TAIL
)
BIG_ENDIAN = struct.pack(">HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
WAVS = {
    "with two chunks of sound": riff(FORM, *HALVES),
    "with an odd chunk to which no byte was added": riff(FORM, chunk(b"note", b"odd"), SOUND),
    "with an odd chunk": riff(FORM, chunk(b"note", b"odd") + b"\0", SOUND),
    "of 24 bits in 32": riff(
        chunk(b"fmt ", OF_24_IN_32), chunk(b"data", (PCM.astype("<i4") << 16).tobytes())
    ),
    "of big-endian samples": riff(
        chunk(b"fmt ", BIG_ENDIAN, ">"),
        chunk(b"data", PCM.astype(">i2").tobytes(), ">"),
        start=b"RIFX",
        order=">",
    ),
    "with chunks after its sound": riff(FORM, SOUND, chunk(b"id3 ", bytes(20_000))),
}


@pytest.mark.parametrize("name", WAVS)
def test_a_wav_is_heard_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.wav").write_bytes(WAVS[name])
    recording = read_recording(tmp_path / "a.wav")
    assert recording.warnings == ()
    assert np.abs(recording.sound - PCM.astype(int)).max() <= 1


def test_what_follows_the_sound_that_the_header_claims_is_worth_a_word(tmp_path: Path) -> None:
    data = riff(FORM, SOUND).replace(SOUND[:8], b"data" + struct.pack("<I", 8000))
    (tmp_path / "a.wav").write_bytes(data)
    recording = read_recording(tmp_path / "a.wav")
    assert len(recording.sound) == 4000
    (warning,) = recording.warnings
    assert warning.endswith("24000 bytes after its sound were not heard; is its header damaged?")
