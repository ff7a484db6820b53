"""Chooses a pack's check samples, with which a device checks that the model runs correctly."""

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
    """Chooses the inputs with the most confident answers, each for another label.

    A confident answer changes least if kernels round differently, and several labels show that
    the model does not give the same answer to everything. Raises ModelError.
    """
    run = sample_runner(pack)
    best: dict[str, CheckSample] = {}
    for sample in _candidates(pack):
        answered = msgspec.structs.replace(sample, answer=run(sample))
        label, confidence = _top(answered.answer)
        if label not in best or confidence > _top(best[label].answer)[1]:
            best[label] = answered
    most_confident = sorted(best.values(), key=lambda sample: -_top(sample.answer)[1])
    return tuple(most_confident[:COUNT])


def _candidates(pack: Pack) -> Iterator[CheckSample]:
    if isinstance(pack.manifest.input, TextInput):
        yield from (CheckSample(text=sentence, answer={}) for sentence in SENTENCES)
    else:
        yield from (CheckSample(seed=seed, answer={}) for seed in SEEDS)


def _top(answer: Answer) -> tuple[str, float]:
    """Returns the label and confidence of an answer; for a detector, of a face being present."""
    label = "score" if "score" in answer else max(answer, key=lambda name: answer[name])
    return label, answer[label]
