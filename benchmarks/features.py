"""Compares our MFCC with python_speech_features: values and time.

python benchmarks/features.py
"""

import time
from collections.abc import Callable

import numpy as np
from python_speech_features import mfcc as reference_mfcc

from edge.perception.features import cepstrum, log_mel
from edge.perception.manifest import SoundInput
from edge.perception.pack import load_pack
from edge.resources import MODELS

ROUNDS = 200


def main() -> None:
    """Prints the largest difference, both medians and their ratio."""
    spec = load_pack(MODELS / "speech.json").manifest.input
    assert isinstance(spec, SoundInput)
    samples = round(spec.duration_s * spec.sample_rate_hz)
    sound = np.random.default_rng(0).normal(0, 3000, samples).astype(np.int16)

    def ours() -> object:
        return cepstrum(log_mel(sound, spec), spec)

    def reference() -> object:
        return reference_mfcc(
            sound,
            spec.sample_rate_hz,
            spec.window_s,
            spec.hop_s,
            spec.shape[1],
            spec.mel_bands,
            spec.fft_length,
            spec.low_hz,
            spec.high_hz,
            spec.preemphasis,
            spec.lifter,
            False,
            np.hamming,
        )

    difference = np.abs(np.asarray(ours()) - np.asarray(reference())).max()
    timed: dict[str, list[float]] = {"ours": [], "reference": []}
    actions: dict[str, Callable[[], object]] = {"ours": ours, "reference": reference}
    for _ in range(ROUNDS):  # in turn, so that changes of the machine's load affect both
        for name, action in actions.items():
            started_s = time.perf_counter()
            action()
            timed[name].append(time.perf_counter() - started_s)
    medians = {name: float(np.median(values)) * 1000 for name, values in timed.items()}
    print(f"{spec.duration_s:.2f} s of sound, {spec.shape[1]} coefficients, {ROUNDS} rounds")
    print(f"largest difference {difference:.1e}")
    print(f"python_speech_features {medians['reference']:.2f} ms, ours {medians['ours']:.2f} ms")
    print(f"ratio {medians['reference'] / medians['ours']:.1f}")


if __name__ == "__main__":
    main()
