"""Chooses the check samples of a pack, by which a device tells whether the model runs as it did."""

from collections.abc import Iterator

import msgspec

from edge.perception.check_sample import Answer, CheckSample
from edge.perception.manifest import TextInput
from edge.perception.pack import Pack
from edge.perception.selftest import sample_runner

SEEDS = range(40)
SENTENCES = (
    "I am so happy about this, thank you!",
    "Leave me alone, I hate you!",
    "I am afraid of the dark.",
    "That is disgusting.",
    "The table stands in the room.",
    "I miss her so much, I cannot stop crying.",
    "Wow, I did not expect that!",
    "La mesa está en la habitación.",
)
COUNT = 3


def choose_checks(pack: Pack) -> tuple[CheckSample, ...]:
    """The inputs that the model is surest of, each with another label, and its answers.

    A sure answer moves least where kernels round differently, and several labels show that the
    model does not answer the same to everything. Raises ModelError.
    """
    ask = sample_runner(pack)
    best: dict[str, CheckSample] = {}
    for sample in _candidates(pack):
        answered = msgspec.structs.replace(sample, answer=ask(sample))
        label, sureness = _foremost(answered.answer)
        if label not in best or sureness > _foremost(best[label].answer)[1]:
            best[label] = answered
    surest = sorted(best.values(), key=lambda sample: -_foremost(sample.answer)[1])
    return tuple(surest[:COUNT])


def _candidates(pack: Pack) -> Iterator[CheckSample]:
    if isinstance(pack.manifest.input, TextInput):
        yield from (CheckSample(text=sentence, answer={}) for sentence in SENTENCES)
    else:
        yield from (CheckSample(seed=seed, answer={}) for seed in SEEDS)


def _foremost(answer: Answer) -> tuple[str, float]:
    """The label that an answer gives, and how sure it is; of a detector, that there is a face."""
    label = "score" if "score" in answer else max(answer, key=lambda name: answer[name])
    return label, answer[label]
