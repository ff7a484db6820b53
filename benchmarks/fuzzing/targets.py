"""All that reads what others wrote: its good inputs, and the exceptions that it promises."""

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.harness.media_corpus import PICTURES, SOUND_FILES, SOUND_TRACKS, VIDEOS, whole
from converter.datasets.samples import DatasetError
from converter.datasets.tables import read_table
from edge.capture.media import decode_picture, decode_sound, read_frames
from edge.clock import Clock
from edge.config import Files, SpoolLimits
from edge.configfile import parse_config
from edge.errors import EmotiondError, PayloadError
from edge.perception.pack import load_pack
from edge.publish.spool import Spool
from edge.resources import CONFIGS, MODELS
from edge.service.mqtt_commands import parse_observation, parse_text

LIMITS = Files(max_picture_mpx=8.0, max_sound_s=600.0)
TABLES = (
    b'text,label\nGreat,joy\n"No, no","anger; sadness"\nfine,neutral\n',
    '\ufefftext;label\nGr\u00fc\u00dfe;joy\n"two\nlines";fear\n'.encode(),
    "text\tlabel\ncaf\u00e9\tjoy\n".encode("latin-1"),
    "text,label\nwide,joy\n".encode("utf-16"),
    b"id, Text , LABEL\r\n1,a,joy\r\n2,b,fear\r\n",
)
COMMANDS = (
    b"I am so happy",
    b'{"text": "hello", "subject": 3}',
    b'{"modality": "touch", "probabilities": {"happy": 0.7, "sad": 0.3}, "quality": 0.5}',
    "\u00e4\u00f6\u00fc \U0001f600".encode(),
    b"on",
)
EVENTS = 40
KEPT = Path(__file__).parents[2] / "tests" / "fuzz"


@dataclass(frozen=True)
class Target:
    """A reader, called with bytes; it may raise `promised` exceptions and no others."""

    run: Callable[[bytes], None]
    make_seeds: Callable[[], Iterable[bytes]]
    promised: tuple[type[Exception], ...] = (EmotiondError,)
    share: float = 1.0
    """Share of the inputs of a run that it gets, beside other targets of its cost."""
    is_costly: bool = False
    max_s: float = 2.0
    """Longest time of the processor that an input may take."""

    @cached_property
    def seeds(self) -> list[bytes]:
        """The good inputs."""
        return list(self.make_seeds())


def kept(target: str) -> list[Path]:
    """Returns the inputs to which a target once did what it does not promise."""
    return sorted((KEPT / target).glob("*"))


def _picture(data: bytes) -> None:
    decode_picture(data, "it", LIMITS)


def _sound(data: bytes) -> None:
    decode_sound(data, "it", LIMITS)


def _video(data: bytes) -> None:
    file = os.memfd_create("video")
    try:
        os.write(file, data)
        for _ in read_frames(Path(f"/proc/self/fd/{file}"), 15.0, LIMITS):
            pass
    finally:
        os.close(file)


def _in_file(suffix: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """Returns a target that reads a file."""

    def run(data: bytes) -> None:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            path = Path(folder) / f"a{suffix}"
            path.write_bytes(data)
            read(path)

    return run


def _read_table(path: Path) -> None:
    for _ in read_table(path, ("text", "label"), unusable=[]):
        pass


def _read_config(data: bytes) -> None:
    parse_config(data.decode("utf-8", "surrogateescape"), "it")


def _read_command(data: bytes) -> None:
    for parse in (
        lambda: parse_text(data, 0.0, 8192),
        lambda: parse_observation(data, 0.0, ("touch",)),
    ):
        try:
            parse()
        except PayloadError:
            continue


def _read_spool(path: Path) -> None:
    spool = Spool(SpoolLimits(), path, Clock())
    while (found := spool.oldest()) is not None:
        spool.remove(found[0])
    spool.add(b"{}")
    spool.close()


def _spool() -> Iterable[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spool.sqlite"
        spool = Spool(SpoolLimits(), path, Clock())
        rng = np.random.default_rng(0)
        for _ in range(EVENTS):
            spool.add(rng.integers(97, 122, 200, np.uint8).tobytes())
        spool.close()
        yield path.read_bytes()


TARGETS = {
    "picture": Target(_picture, lambda: map(whole, PICTURES), share=4, is_costly=True),
    "sound": Target(
        _sound, lambda: map(whole, (*SOUND_FILES, *SOUND_TRACKS)), share=3, is_costly=True
    ),
    "video": Target(_video, lambda: map(whole, VIDEOS), share=2, is_costly=True),
    "spool": Target(_in_file(".sqlite", _read_spool), _spool, promised=(), is_costly=True),
    "table": Target(_in_file(".csv", _read_table), lambda: TABLES, (DatasetError,), share=3),
    "manifest": Target(
        _in_file(".json", load_pack),
        lambda: (one.read_bytes() for one in sorted(MODELS.glob("*.json"))),
        share=1,
    ),
    "config": Target(
        _read_config,
        lambda: (one.read_bytes() for one in sorted(CONFIGS.glob("*.yaml"))),
        share=0.1,
    ),
    "command": Target(_read_command, lambda: COMMANDS, share=6),
}
