"""Makes broken inputs of good ones: bytes changed, cut, doubled, and joined with another's."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    *(b"\0", b"\n", b"\r\n", b"\t", b'"', b"'", b",", b";", b"{", b"}", b"[", b": ", b"- "),
    *(b"&a ", b"*a ", b"!!int ", b"NaN", b"-1", b"1e999", b"9" * 400, b"[" * 2000, b'{"a":' * 500),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
)
"""Pieces that parsers of text stumble over."""
MAX_CHANGES = 6
Rng = np.random.Generator


def generator(seed: int, target: str, number: int) -> Rng:
    """Returns the random numbers of one input, the same ones every time."""
    return np.random.default_rng([seed, zlib.crc32(target.encode()), number])


def mutated(seeds: Sequence[bytes], rng: Rng) -> bytes:
    """Returns one of the seeds with a few changes."""
    data = bytearray(seeds[int(rng.integers(len(seeds)))])
    for _ in range(int(rng.integers(1, MAX_CHANGES + 1))):
        change = CHANGES[int(rng.integers(len(CHANGES)))]
        change(data, seeds, rng)
    return bytes(data)


def _place(data: bytearray, rng: Rng) -> int:
    """Returns a place in the data, half of the time in its first 64 bytes: headers matter most."""
    end = len(data) if rng.random() < 0.5 else min(len(data), 64)
    return int(rng.integers(end)) if end else 0


def _flip(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    if data:
        data[_place(data, rng)] ^= 1 << int(rng.integers(8))


def _set_number(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    size, at = int(rng.choice((1, 2, 4, 8))), _place(data, rng)
    number = INTERESTING[int(rng.integers(len(INTERESTING)))] & (256**size - 1)
    order = "big" if rng.random() < 0.5 else "little"
    if at + size <= len(data):
        data[at : at + size] = number.to_bytes(size, order)


def _set_noise(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    at, length = _place(data, rng), int(rng.integers(1, 32))
    data[at : at + length] = rng.bytes(min(length, max(len(data) - at, 0)))


def _delete(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 256))]


def _repeat(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    at, length = _place(data, rng), int(rng.integers(1, 256))
    data[at:at] = data[at : at + length] * int(rng.integers(1, 8))


def _insert_word(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    at = _place(data, rng)
    data[at:at] = WORDS[int(rng.integers(len(WORDS)))]


def _cut(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    del data[int(rng.integers(len(data) + 1)) :]


def _splice(data: bytearray, seeds: Sequence[bytes], rng: Rng) -> None:
    other = seeds[int(rng.integers(len(seeds)))]
    del data[_place(data, rng) :]
    data += other[int(rng.integers(len(other) + 1)) :]


CHANGES: tuple[Callable[[bytearray, Sequence[bytes], Rng], None], ...] = (
    *(_flip, _flip, _set_number, _set_number, _set_number, _set_noise),
    *(_delete, _repeat, _insert_word, _insert_word, _cut, _splice),
)
