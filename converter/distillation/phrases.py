"""Short English sentences that data sets have too few of: to train on, beside their texts.

Feelings by strong and weak words, feelings that someone denies, calls for help, despair and
threats. A data set of written comments has hardly any; a robot must not take them for joy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from converter.datasets.samples import Samples
from converter.datasets.texts import Row, to_samples

FEELINGS = {
    "anger": "angry mad annoyed furious upset irritated offended",
    "disgust": "disgusted grossed repulsed",
    "fear": "afraid scared worried nervous anxious frightened terrified",
    "joy": "happy glad pleased satisfied impressed delighted thrilled amused excited",
    "sadness": "sad lonely depressed unhappy hurt heartbroken disappointed",
    "surprise": "surprised shocked amazed astonished",
}
DENIED = {"joy": ("anger", "sadness")}
"""The labels of a denied feeling; any other feeling, denied, is neutral."""
FELT = {
    "anger": "livid enraged seething fuming infuriated outraged incensed resentful bitter hostile",
    "disgust": "revolted sickened nauseated appalled repelled",
    "fear": "petrified horrified panicked alarmed threatened uneasy frightened scared tense",
    "joy": "ecstatic overjoyed elated cheerful joyful blissful proud grateful relieved hopeful",
    "sadness": "hopeless devastated miserable gloomy grieving sorrowful desperate dejected empty",
    "surprise": "astounded stunned flabbergasted speechless startled amazed",
}
"""Further words for feelings."""
SAID = {
    "anger": (
        *("I will kill you", "I'm going to hurt you", "you will pay for this", "go to hell"),
        *("I swear I will get you", "you'll regret this", "don't touch me", "leave us alone"),
        *("get lost", "go away", "stop it now", "shut up", "how could you", "I hate you"),
    ),
    "disgust": ("that is gross", "how disgusting", "yuck", "this makes me sick", "it stinks"),
    "fear": (
        *("help", "help me", "help us", "please help", "somebody call the police", "save me"),
        *("call an ambulance", "I am in danger", "he is going to hurt me", "let me go"),
        *("they want to kill us", "someone is breaking in", "he is threatening me", "watch out"),
        *("get me out of here", "someone is following me", "don't let him in", "I can't breathe"),
    ),
    "joy": ("well done", "hooray", "that is great news", "I love it", "what a lovely day"),
    "neutral": (
        *("turn off the lamp", "what time is it", "open the window", "next page", "go to the desk"),
        *("where is the exit", "volume up", "show me the list", "the shop opens at nine", "yes"),
        *("how much does it cost", "I will take the bus", "one moment", "the door is open", "no"),
    ),
    "sadness": (
        *("I want to die", "I don't want to live anymore", "I want to end my life", "I give up"),
        *("life is not worth living", "I wish I was dead", "I hate my life", "I miss him so much"),
        *("everyone would be better off without me", "nobody cares about me", "I lost everything"),
        *("I wish she would come back", "if only I had another chance", "nothing matters anymore"),
    ),
    "surprise": ("no way", "oh my god", "wow", "are you kidding", "I did not expect that"),
}
"""Whole sentences."""
SHARE = 0.05
"""Number of these sentences, as a share of the number of other training texts."""
WHO = (
    *("I'm not", "I am not", "I was not", "I wasn't", "we're not", "she is not", "he isn't"),
    *("they aren't", "I don't feel", "I'm no longer", "nobody is"),
)
WHO_FEELS = (
    *("I am", "I'm", "I was", "she is", "he looks", "we are", "they were", "I feel", "you seem"),
    *("that makes me", "my mother is", "everybody was", "I have never been so", "feeling"),
)
HOW = ("", "really", "so", "very", "at all", "that", "even")
HOW_MUCH = ("", "", "so", "very", "really", "a bit", "absolutely", "quite", "a little")
END = (
    *("", ".", "!", "at all.", "about it.", "with this.", "of you.", "anymore.", "any more", "now"),
    *("today.", "here."),
)
END_FELT = ("", "", ".", "!", "today", "about it", "right now", "since this morning", "again")
BEFORE = ("", "", "", "please", "oh", "hey", "well")
AFTER = ("", "", ".", "!", "!!", "now", "please")


def denials(count: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields `count` random sentences that deny a feeling, each with its labels."""
    for _ in range(count):
        feeling = _one(rng, list(FEELINGS))
        words = (WHO, HOW, FEELINGS[feeling].split(), END)
        yield _joined(rng, *words), DENIED.get(feeling, ("neutral",))


def statements(count: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields `count` random sentences that state a feeling or show one, each with its label."""
    for place in range(count):
        if place % 2:
            label = _one(rng, list(FELT))
            yield _joined(rng, WHO_FEELS, HOW_MUCH, FELT[label].split(), END_FELT), (label,)
        else:
            label = _one(rng, list(SAID))
            yield _joined(rng, BEFORE, SAID[label], AFTER), (label,)


def _one(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _joined(rng: np.random.Generator, *parts: Sequence[str]) -> str:
    return " ".join(filter(None, (_one(rng, part) for part in parts)))


def phrases(texts: int, groups: Sequence[str], rng: np.random.Generator) -> Samples:
    """Returns sentences to train on along with `texts` other texts, dealt to the groups in turn."""
    half = max(round(texts * SHARE / 2), 1)
    made = [*denials(half, rng), *statements(half, rng)]
    samples = to_samples("phrases", [Row("phrases", *one) for one in made], [])
    return replace(samples, groups=tuple(groups[i % len(groups)] for i in range(len(samples))))
