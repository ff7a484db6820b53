"""Makes one channel of sound of several, block by block."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from edge.errors import SourceError
from edge.values import Sound

Channel = int | Literal["mix"]
"""The number of a channel, the first is 0, or `mix` for all of them."""
FloatBlock = npt.NDArray[np.float32]
"""float32[samples, channels], -1..1."""
FloatSound = npt.NDArray[np.float32]
"""float32[samples], -1..1."""

CANCELLED = 0.1
"""A mean with less than this share of the loudest channel's power has lost the sound."""
LOUDER = 2.0
"""How many times the power another channel must have to be taken instead: changes click."""
MEMORY_S = 1.0
"""Half-life of the powers that are compared, so that a block in a pause changes nothing."""


class Downmix:
    """Takes the `channel`, or the mean of all.

    If the channels cancel each other, or only one of four or more has sound, `mix` is the loudest.
    """

    def __init__(self, channel: Channel, rate_hz: int, name: str) -> None:
        """`name` is what errors call the source."""
        self._channel, self._rate_hz, self._name = channel, rate_hz, name
        self._powers: npt.NDArray[np.float64] | None = None
        """Of the mean, then of each channel; recent ones count more."""
        self._loudest = 0
        self.chosen: int | None = None
        """The channel that the last block was taken from alone, because `mix` has lost the sound;
        None for the mean of all."""

    def mono(self, block: FloatBlock) -> FloatSound:
        """Returns the next block as one channel of finite values; raises SourceError without it."""
        block, count = np.nan_to_num(block, posinf=1.0, neginf=-1.0), block.shape[1]
        if self._channel == "mix":
            return self._mixed(block) if count > 1 else block[:, 0]
        if self._channel < count:
            return block[:, self._channel]
        known = "only channel 0" if count == 1 else f"channels 0 to {count - 1}"
        raise SourceError(
            f"{self._name} has {known}; microphone.channel is {self._channel}: "
            "choose another one, or mix"
        )

    def _mixed(self, block: FloatBlock) -> FloatSound:
        mean = block.mean(axis=1)
        new = np.append(mean.var(), block.var(axis=0)).astype(np.float64) * len(block)
        if self._powers is None:
            self._powers = np.zeros_like(new)
        self._powers = self._powers * 0.5 ** (len(block) / self._rate_hz / MEMORY_S) + new
        of_mean, *each = self._powers.tolist()
        self.chosen = None
        if of_mean >= CANCELLED * max(each):
            return np.asarray(mean, np.float32)
        if max(each) > LOUDER * each[self._loudest]:
            self._loudest = int(np.argmax(each))
        self.chosen = self._loudest
        return block[:, self._loudest]


def to_int16(samples: FloatSound) -> Sound:
    """Returns samples as int16, limited to full scale."""
    return np.asarray(np.clip(np.rint(samples * 32768), -32768, 32767), np.int16)


def amplified(sound: Sound, gain: float) -> Sound:
    """Returns sound times `gain`, limited to full scale."""
    return sound if gain == 1 else to_int16(sound * np.float32(gain / 32768))
