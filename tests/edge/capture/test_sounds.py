"""All of a sound is heard, and the right one of several; what is missing is reported."""

import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from benchmarks.harness.media import mux, nothing, tone, wav
from edge.capture.conversion import Conversion
from edge.capture.frames import read_frames
from edge.capture.libsndfile import SoundFileTrack
from edge.capture.sound_parts import is_mp3_of_unknown_length
from edge.capture.sounds import read_recording, read_sound
from edge.config import Files
from edge.errors import NoTrackError, SourceError
from edge.values import Sound


def written(path: Path, data: bytes | bytearray) -> Path:
    path.write_bytes(data)
    return path


def loudness(sound: Sound) -> float:
    return float(np.abs(sound[2000:-2000].astype(np.float64)).mean())


@pytest.mark.parametrize("start", [b"RIFF", b"RF64"])
@pytest.mark.parametrize("size", [0, 32_003, 0x7FFFF000, 0x7FFFFF00, 0xFFFFFFFF])
def test_a_wav_is_heard_whole_whatever_its_header_claims(
    tmp_path: Path, size: int, start: bytes
) -> None:
    path = written(tmp_path / "streamed.wav", wav(tone(), size, start))
    recording = read_recording(path)
    assert len(recording.sound) == 16_000
    assert recording.warnings == ()


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *((".mka", "pcm_s16le"), (".webm", "libopus"), (".mkv", "flac"), (".aiff", "pcm_s16be")),
        *((".caf", "pcm_s16le"), (".w64", "pcm_s16le"), (".avi", "pcm_s16le")),
        (".flv", "libmp3lame"),
    ],
)
def test_half_of_a_sound_is_refused_in_any_container(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    path = mux(tmp_path / f"whole{suffix}", [tone(2.0)], codecs=(codec, ""))
    assert len(read_sound(path)) == pytest.approx(32_000, abs=1000)
    data = path.read_bytes()
    half = written(tmp_path / f"half{suffix}", data[: len(data) // 2])
    with pytest.raises(
        SourceError, match=r"its sound ends after [01]\.\d of (2\.[01]|1\.9) s; is it"
    ):
        read_sound(half)


def test_a_wav_that_lacks_a_little_is_heard_with_a_warning_and_one_that_lacks_much_is_refused(
    tmp_path: Path,
) -> None:
    data = wav(tone(2.0))
    recording = read_recording(written(tmp_path / "short.wav", data[:-12_000]))
    assert len(recording.sound) == 26_000
    (warning,) = recording.warnings
    assert "ends after 1.6 of 2.0 s; is it complete?" in warning
    with pytest.raises(SourceError, match=r"ends after 0.5 of 2.0 s; is it complete\?"):
        read_sound(written(tmp_path / "half.wav", data[:-48_000]))


def test_an_mp3_without_a_header_of_its_length_is_heard_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 32_000) * (np.arange(32_000) > 16_000)
    path = tmp_path / "a.mp3"
    mux(path, [noise], codecs=("libmp3lame", ""), options={"write_xing": "0"})
    assert b"Xing" not in path.read_bytes()
    assert b"Info" not in path.read_bytes()
    assert len(read_sound(path)) == pytest.approx(32_000, abs=2500)


def test_two_mp3s_in_one_file_are_heard_whole_though_its_size_seems_to_promise_more(
    tmp_path: Path,
) -> None:
    path = mux(tmp_path / "a.mp3", [tone()], codecs=("libmp3lame", ""))
    one = path.read_bytes()
    cover = b"ID3\3\0\0" + bytes((0, 7, 0, 0)) + bytes(7 << 14)
    recording = read_recording(written(tmp_path / "two.mp3", cover + one + cover + one))
    assert len(recording.sound) == pytest.approx(32_000, abs=3000)


def test_half_of_an_mp3_that_gives_its_length_is_refused(tmp_path: Path) -> None:
    data = mux(tmp_path / "a.mp3", [tone(2.0)], codecs=("libmp3lame", "")).read_bytes()
    with pytest.raises(SourceError, match=r"its sound ends after 1\.\d of 2\.\d s; is it"):
        read_sound(written(tmp_path / "half.mp3", data[: len(data) // 2]))


def test_the_missing_end_of_an_ogg_is_reported(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 160_000)
    soundfile.write(tmp_path / "a.ogg", noise, 16_000, format="OGG", subtype="VORBIS")
    data = (tmp_path / "a.ogg").read_bytes()
    assert read_recording(tmp_path / "a.ogg").warnings == ()
    recording = read_recording(written(tmp_path / "cut.ogg", data[:-2000]))
    assert recording.warnings == (
        f"{tmp_path}/cut.ogg: the end of its sound is missing; is it complete?",
    )


def test_only_an_mp3_is_said_to_lack_its_length(tmp_path: Path) -> None:
    found = {}
    for suffix, codec, header in (
        ("mp3", "libmp3lame", "1"),
        ("mp3", "libmp3lame", "0"),
        ("aac", "aac", ""),
    ):
        options = {"write_xing": header} if header else {}
        path = mux(tmp_path / f"a{header}.{suffix}", [tone()], codecs=(codec, ""), options=options)
        with path.open("rb") as file:
            found[path.name] = is_mp3_of_unknown_length(file.fileno())
    assert found == {"a1.mp3": False, "a0.mp3": True, "a.aac": False}


def test_libsndfile_alone_hears_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), 16_000)
    with path.open("rb") as file:
        track = SoundFileTrack(file, "it")
        alone = Conversion("it", "mix", 10.0)
        alone.convert(track)
    assert np.array_equal(alone.sound, read_sound(path))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_all_links_of_a_chained_ogg_are_heard(tmp_path: Path, subtype: str) -> None:
    parts = []
    for hz in (300, 600, 900):
        soundfile.write(tmp_path / "a.ogg", tone(hz=hz), 16_000, format="OGG", subtype=subtype)
        parts.append((tmp_path / "a.ogg").read_bytes())
    sound = read_sound(written(tmp_path / "chained.ogg", b"".join(parts)))
    assert len(sound) == pytest.approx(48_000, abs=1000)
    assert loudness(sound[33_000:47_000]) > 5000


def test_a_change_of_rate_and_channels_in_mid_stream_is_followed(tmp_path: Path) -> None:
    parts = [
        mux(tmp_path / f"{n}.ts", [sound], codecs=("mp2", "")).read_bytes()
        for n, sound in enumerate((np.stack([tone(), tone()]), tone()))
    ]
    sound = read_sound(written(tmp_path / "broadcast.ts", b"".join(parts)))
    assert len(sound) == pytest.approx(32_000, abs=2000)
    assert loudness(sound[:14_000]) == pytest.approx(loudness(sound[18_000:30_000]), rel=0.1)


GAPS = {".mp4": "aac", ".mov": "aac", ".mkv": "flac", ".ts": "mp2", ".nut": "pcm_s16le"}


@pytest.mark.parametrize("suffix", GAPS)
def test_a_gap_in_a_sound_is_silence_and_what_follows_is_heard_in_its_time(
    tmp_path: Path, suffix: str
) -> None:
    sound = np.concatenate([tone(2.0), nothing(5.0), tone()])
    path = mux(tmp_path / f"a{suffix}", [sound], codecs=(GAPS[suffix], ""))
    recording = read_recording(path)
    assert recording.warnings == ()
    assert len(recording.sound) / 16_000 == pytest.approx(8.0, abs=0.1)
    assert loudness(recording.sound[:32_000]) > 8000
    assert loudness(recording.sound[36_000:108_000]) < 300
    assert loudness(recording.sound[114_000:]) > 8000


def test_a_gap_counts_as_sound_where_that_is_limited(tmp_path: Path) -> None:
    sound = np.concatenate([tone(), nothing(50.0), tone()])
    path = mux(tmp_path / "a.mkv", [sound], codecs=("flac", ""))
    assert len(read_sound(path, limits=Files(max_sound_s=53))) / 16_000 == pytest.approx(
        52, abs=0.1
    )
    with pytest.raises(SourceError, match=r"5\d s of sound or more; at most 51 s"):
        read_sound(path, limits=Files(max_sound_s=51))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize(("sound_s", "picture_s"), [(2, 0), (0, 2)])
def test_sound_and_pictures_that_start_at_different_times_are_kept_in_step(
    tmp_path: Path, suffix: str, sound_s: int, picture_s: int
) -> None:
    path = mux(
        tmp_path / f"a{suffix}",
        [np.concatenate([nothing(sound_s), tone()])],
        [np.zeros((48, 64, 3), np.uint8)] * 4,
        codecs=("aac", "libx264"),
        times_s=[picture_s + n / 8 for n in range(4)],
    )
    sound = read_sound(path)
    assert len(sound) / 16_000 == pytest.approx(sound_s + 1, abs=0.15)
    assert np.argmax(np.abs(sound) > 5000) / 16_000 == pytest.approx(sound_s, abs=0.1)
    assert next(read_frames(path, 15.0)).captured_s == pytest.approx(picture_s, abs=0.1)


def test_opposite_channels_do_not_cancel(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.mp3", [np.stack([tone(), -tone()])], codecs=("libmp3lame", ""))
    recording = read_recording(path)
    assert loudness(recording.sound) > 5000
    (warning,) = recording.warnings
    assert "heard channel 1 alone, because its channels cancel" in warning


def test_channels_that_do_not_cancel_are_mixed_without_a_word(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 16_000))
    path = mux(tmp_path / "a.flac", [noise], codecs=("flac", ""))
    assert read_recording(path).warnings == ()


@pytest.mark.parametrize(("gain", "warned"), [(1.9, False), (4.0, True)])
def test_a_clipped_recording_is_heard_with_a_warning(
    tmp_path: Path, gain: float, warned: bool
) -> None:
    soundfile.write(tmp_path / "a.wav", np.clip(gain * tone(), -1, 1), 48_000)
    warnings = read_recording(tmp_path / "a.wav").warnings
    assert ("it is clipped: 68% of its samples are at full scale" in " ".join(warnings)) == warned


def test_a_silent_first_track_gives_way_to_the_loudest_with_a_warning(tmp_path: Path) -> None:
    tracks = [0 * tone(), 0.1 * tone(), tone()]
    recording = read_recording(mux(tmp_path / "a.mkv", tracks, codecs=("aac", "")))
    assert loudness(recording.sound) > 5000
    (warning,) = recording.warnings
    assert "heard sound track 3 of 3" in warning


def test_a_first_track_that_can_be_heard_is_taken(tmp_path: Path) -> None:
    recording = read_recording(mux(tmp_path / "a.mkv", [0.3 * tone(), tone()], codecs=("aac", "")))
    assert loudness(recording.sound) < 4000
    assert recording.warnings == ()


def with_unknown_codec(path: Path, track: int) -> Path:
    """Gives a track of an MP4 a codec that FFmpeg does not know, as a phone's spatial sound has."""
    at, data = -1, path.read_bytes()
    for _ in range(track + 1):
        at = data.index(b"mp4a", at + 1)
    return written(path, data[:at] + b"apac" + data[at + 4 :].replace(b"esds", b"free", 1))


@pytest.mark.parametrize(("undecodable", "level"), [(1, 0.3), (0, 0.6)])
def test_a_track_that_cannot_be_decoded_does_not_cost_the_others(
    tmp_path: Path, undecodable: int, level: float
) -> None:
    tracks = [0.3 * tone(), 0.6 * tone()]
    path = mux(tmp_path / "a.mp4", tracks, codecs=("aac", ""))
    recording = read_recording(with_unknown_codec(path, undecodable))
    assert loudness(recording.sound) == pytest.approx(32_768 * level / np.pi, rel=0.1)
    (warning,) = recording.warnings
    assert f"{path}: did not hear sound track {undecodable + 1} of 2: cannot decode" in warning


def test_a_file_none_of_whose_tracks_can_be_decoded_is_one_error(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.mp4", [tone(), tone()], codecs=("aac", ""))
    with pytest.raises(SourceError, match=f"{path}: cannot decode its sound"):
        read_sound(with_unknown_codec(with_unknown_codec(path, 1), 0))


def test_a_limit_on_sound_is_one_on_the_whole_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", tone(2.0), 16_000, format="OGG", subtype="VORBIS")
    chained = written(tmp_path / "chained.ogg", (tmp_path / "a.ogg").read_bytes() * 3)
    assert len(read_sound(chained, limits=Files(max_sound_s=7))) == pytest.approx(96_000, abs=999)
    with pytest.raises(SourceError, match=r"6 s of sound or more; at most 5 s"):
        read_sound(chained, limits=Files(max_sound_s=5))


@pytest.mark.parametrize("scale", [2.0**7, 2.0**15, 2.0**23, 2.0**31])
def test_floats_with_the_range_of_integers_are_scaled_with_a_warning(
    tmp_path: Path, scale: float
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone() * scale, 16_000, subtype="FLOAT")
    recording = read_recording(path)
    assert recording.sound.max() == pytest.approx(16_384, abs=50)
    assert "instead of 1" in recording.warnings[0]


def test_floats_a_little_beyond_full_scale_do_not_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 6 * tone(), 16_000, subtype="FLOAT")
    sound = read_sound(path)
    assert np.count_nonzero(np.abs(sound.astype(int)) >= 32_767) < 300
    assert loudness(sound) == pytest.approx(32_768 * 2 / np.pi, rel=0.02)


def test_a_cover_picture_and_odd_metadata_do_not_matter(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.mkv", [tone()], codecs=("flac", ""))
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.avi"), "w") as copy:
        copy.metadata["title"] = "cafE"
        stream = copy.add_stream("libmp3lame", rate=48_000)
        for frame in source.decode(audio=0):
            frame.pts = None
            copy.mux(stream.encode(frame))
        copy.mux(stream.encode(None))
    odd = (tmp_path / "b.avi").read_bytes().replace(b"cafE", b"caf\xe9")
    assert b"caf\xe9" in odd
    assert len(read_sound(written(tmp_path / "b.avi", odd))) > 15_000


@pytest.mark.parametrize(
    ("at", "form", "value", "sentence"),
    [
        (24, "<I", 0, "0 Hz"),
        (24, "<I", 1, "sample rate of 1 Hz|long|more"),
        (22, "<H", 0, "0 channels"),
        (20, "<H", 0x7777, "cannot decode|not a readable"),
    ],
)
def test_a_damaged_header_of_a_wav_is_refused(
    tmp_path: Path, at: int, form: str, value: int, sentence: str
) -> None:
    data = bytearray(wav(tone()))
    struct.pack_into(form, data, at, value)
    with pytest.raises(SourceError, match=sentence):
        read_sound(written(tmp_path / "a.wav", data))


def test_a_sound_beyond_the_limit_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.flac", [tone(5.0)], codecs=("flac", ""))
    assert len(read_sound(path, limits=Files(max_sound_s=6))) == 80_000
    with pytest.raises(SourceError, match=r"5 s of sound or more; at most 4 s are read"):
        read_sound(path, limits=Files(max_sound_s=4))
    streamed = written(tmp_path / "a.wav", wav(tone(5.0), 0))
    with pytest.raises(SourceError, match=r"raise files\.max_sound_s"):
        read_sound(streamed, limits=Files(max_sound_s=4))


def test_a_file_without_a_sound_track_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    silent = mux(tmp_path / "a.mkv", pictures=[np.zeros((48, 64, 3), np.uint8)] * 3)
    with pytest.raises(NoTrackError, match="no sound track"):
        read_sound(silent)


def test_a_folder_and_a_named_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path, tmp_path / "pipe.wav"):
        with pytest.raises(SourceError, match="not a file"):
            read_sound(path)


def test_a_playlist_opens_no_other_file_and_no_address(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", wav(tone()))
    for name, text in {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/a.wav\n",
        "a.ffconcat": "ffconcat version 1.0\nfile a.wav\n",
    }.items():
        with pytest.raises(SourceError):
            read_sound(written(tmp_path / name, text.encode()))
