"""Describes the features of sound that a model takes, from its input's shape and a sentence."""

from math import log, prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from converter.importing.layout import Layout
from converter.importing.original import ModelImportError
from converter.importing.sentence import EXAMPLES, InputSentence
from converter.tasks.speech import LIFTERS
from edge.perception.features import cepstrum, frame_coefficients, log_mel, mel_edges_hz
from edge.perception.manifest import SoundInput
from edge.values import SAMPLE_RATE_HZ

FULL_SCALE = 32768.0
"""Int16 steps of a sample of 1."""
UNITS = {"db": 10 / log(10), "ln": 1.0}
"""Worth of one neper of power in each unit."""
MFCC_BANDS = 40


def find_sound(path: Path, own: tuple[int, ...], said: InputSentence) -> tuple[SoundInput, Layout]:
    """Returns the features of a speech model and their layout; raises ModelImportError."""
    shape, order = _shape(path, own, said)
    spec = _foreign(shape, said) if said.log else _own(shape, said)
    if spec.mel_bands < shape[1]:
        raise ModelImportError(
            f"{path}: {spec.mel_bands} bands do not give {shape[1]} coefficients; add bands= to "
            "--input"
        )
    # Axes of length 1, such as a channel, change nothing in the order of the values.
    return spec, Layout(shape, own, order)


def _shape(
    path: Path, own: tuple[int, ...], said: InputSentence
) -> tuple[tuple[int, int], tuple[int, ...] | None]:
    axes = tuple(one for one in own[1:] if one != 1)
    if said.size and prod(said.size) == prod(own):
        flat = len(axes) == 1 and 1 not in said.size
        if axes in (said.size, tuple(one for one in said.size if one != 1)) or flat:
            return said.size, None
        if axes == said.size[::-1]:
            return said.size, (0, 2, 1)
    elif len(axes) == 2 and not said.size:
        return (axes[0], axes[1]), None
    shown = " x ".join(map(str, own[1:]))
    asked = f", --input says {said.size[0]}x{said.size[1]}" if said.size else ""
    raise ModelImportError(
        f"{path}: its input is {shown}{asked}; expected frames x coefficients of sound, such as "
        f"{EXAMPLES['speech']}; a model that takes samples of sound cannot compute in int8: cut it "
        "after its spectrogram"
    )


def _plain(shape: tuple[int, int], said: InputSentence, defaults: dict[str, Any]) -> SoundInput:
    """Returns an input without statistics."""
    count = shape[1]
    kind = said.coefficients or "log_mel"
    window_s = said.window or 0.032
    low_hz, high_hz = said.hz or defaults.pop("hz")
    bands = said.bands or (count if kind == "log_mel" else max(MFCC_BANDS, count))
    return SoundInput(
        shape=shape,
        sample_rate_hz=SAMPLE_RATE_HZ,
        window_s=window_s,
        hop_s=said.hop or 0.016,
        fft_length=said.fft or 1 << (round(window_s * SAMPLE_RATE_HZ) - 1).bit_length(),
        mel_bands=bands,
        low_hz=low_hz,
        high_hz=high_hz,
        preemphasis=defaults["preemphasis"] if said.preemphasis is None else said.preemphasis,
        coefficients=kind,  # type: ignore[arg-type]  # a word of the sentence
        lifter=defaults["lifter"][kind],
        mean=(0.0,) * count,
        deviation=(1.0,) * count,
        taper=said.taper or defaults["taper"],
        mel_scale=said.mel or defaults["mel_scale"],
    )


def _own(shape: tuple[int, int], said: InputSentence) -> SoundInput:
    """Returns features as `emotion-convert train` computes them; see `with_statistics`."""
    own: dict[str, Any] = {"hz": (50.0, 7600.0), "preemphasis": 0.97, "lifter": LIFTERS}
    plain = _plain(shape, said, own | {"taper": "hamming", "mel_scale": "htk_bins"})
    return msgspec.structs.replace(plain, removes_colour=True)


def with_statistics(spec: SoundInput, sounds: list[Any]) -> SoundInput:
    """Returns an input with the mean and deviation of sounds, if it has none of its author."""
    if spec.level == "kept":
        return spec
    frames = np.concatenate([frame_coefficients(log_mel(one, spec), spec) for one in sounds])
    return msgspec.structs.replace(
        spec,
        mean=tuple(round(float(one), 4) for one in frames.mean(axis=0)),
        deviation=tuple(round(max(float(one), 1e-3), 4) for one in frames.std(axis=0)),
    )


def _foreign(shape: tuple[int, int], said: InputSentence) -> SoundInput:
    """Returns features as other libraries compute them, of samples of -1..1.

    Their units, levels and weights of bands differ from the device's by a factor and a constant for
    each band, which become its deviation and mean.
    """
    none: dict[str, Any] = {"log_mel": 0, "mfcc": 0}
    defaults = {"hz": (0.0, SAMPLE_RATE_HZ / 2), "preemphasis": 0.0, "lifter": none}
    plain = _plain(shape, said, defaults | {"taper": "hann", "mel_scale": "htk"})
    plain = msgspec.structs.replace(plain, level="kept")
    # Nepers that a band has here more than there.
    more = np.full(plain.mel_bands, 2 * log(FULL_SCALE) - log(plain.fft_length), np.float32)
    if plain.mel_scale == "slaney":  # which also weights each band by its width
        edges = mel_edges_hz(plain)
        more -= np.log(2 / (edges[2:] - edges[:-2])).astype(np.float32)
    if plain.coefficients == "mfcc":
        more = cepstrum(more, plain)
    unit = UNITS[str(said.log)]
    mean, std = (np.array(one or (zero,)) for one, zero in ((said.mean, 0.0), (said.std, 1.0)))
    if not {len(mean), len(std)} <= {1, shape[1]}:
        raise ModelImportError(f"--input: mean and std need 1 or {shape[1]} values")
    return msgspec.structs.replace(
        plain,
        mean=tuple((more + mean / unit).tolist()),
        deviation=tuple(np.broadcast_to(std / unit, shape[1]).tolist()),
    )
