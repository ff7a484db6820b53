"""Measures the voice gate: in which recordings a device hears a voice, and how often in music.

python benchmarks/voices_heard.py FOLDER…: for each folder, the share of its sound files (all, or
FILES of them, spread evenly) in which at least one window has a voice, the share of all half-second
hops that give a window, and the median quality of the windows. Of a long file, the LONGEST_S from
its middle count. For voices, the first share should be high, for music and noise both low.
"""

import argparse
from pathlib import Path

import numpy as np

from converter.datasets.recordings import sound_files
from edge.capture.media import read_sound
from edge.commands.terminal import table
from edge.config import Speech
from edge.errors import SourceError
from edge.perception.manifest import SoundInput
from edge.perception.pack import load_pack
from edge.perception.voice import FRAMES_PER_S, HOP_FRAMES, VoiceWindows
from edge.resources import MODELS
from edge.values import SAMPLE_RATE_HZ, Sound

FILES = 150
LONGEST_S = 20
FADE_SAMPLES = SAMPLE_RATE_HZ // 10


def _excerpt(sound: Sound) -> Sound:
    """Returns the middle of a long recording, faded in."""
    length = LONGEST_S * SAMPLE_RATE_HZ
    if len(sound) <= length:
        return sound
    start = (len(sound) - length) // 2
    excerpt = sound[start : start + length].astype(np.float32)
    excerpt[:FADE_SAMPLES] *= np.linspace(0, 1, FADE_SAMPLES)
    return np.asarray(excerpt, np.int16)


def _row(folder: Path, spec: SoundInput) -> tuple[str, ...]:
    files = sound_files(folder)
    if not files:
        raise SourceError(f"{folder}: no sound file in it")
    chosen = np.unique(np.linspace(0, len(files) - 1, min(FILES, len(files))).round().astype(int))
    heard, hops, qualities = 0, 0.0, []
    for index in chosen:
        sound = _excerpt(read_sound(files[index]))
        gate = VoiceWindows(spec, Speech().min_voice_probability, Speech().min_voice_s)
        windows = gate.push(sound)
        heard += bool(windows)
        hops += len(sound) / SAMPLE_RATE_HZ * FRAMES_PER_S / HOP_FRAMES
        qualities += [window.quality for window in windows]
    return (
        folder.name,
        str(len(chosen)),
        f"{heard / len(chosen):.0%}",
        f"{len(qualities) / hops:.0%}",
        f"{np.median(qualities):.2f}" if qualities else "-",
    )


def main() -> None:
    """Prints a row for each folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    arguments = parser.parse_args()
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    rows = [_row(folder, spec) for folder in arguments.folders]
    print(table(("", "files", "heard", "hops with a voice", "quality"), rows))


if __name__ == "__main__":
    main()
