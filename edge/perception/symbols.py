"""Writes emoji and emoticons out in words, for vocabularies that have none."""

import re
import unicodedata

from edge.perception.ngrams import EMOTICONS

# Names of emoticons without noses.
EMOTICON_NAMES = {
    ":)": "smiling face",
    ":]": "smiling face",
    "^_^": "smiling face",
    "^^": "smiling face",
    ":d": "grinning face",
    "xd": "laughing face",
    ";)": "winking face",
    ";d": "winking face",
    ":p": "playful face",
    ":*": "kissing face",
    "<3": "love",
    "</3": "broken heart",
    ":(": "sad face",
    ":[": "sad face",
    ":'(": "crying face",
    ":/": "doubtful face",
    ":|": "blank face",
    ":o": "surprised face",
    ">:(": "angry face",
    ">_<": "annoyed face",
    "-_-": "annoyed face",
}
# Meanings of emoji whose Unicode names describe a drawing: U+1F621 is a "pouting face".
EMOJI_NAMES = {
    "\u2764": "love heart",
    "\u2639": "sad face",
    "\u263a": "smiling face",
    "\U0001f389": "celebration",
    "\U0001f47f": "angry devil",
    "\U0001f49c": "love heart",
    "\U0001f5a4": "love heart",
    "\U0001f605": "nervous laughing face",
    "\U0001f607": "smiling face",
    "\U0001f613": "worried face",
    "\U0001f61e": "sad face",
    "\U0001f621": "angry face",
    "\U0001f624": "angry face",
    "\U0001f625": "sad face",
    "\U0001f62b": "miserable face",
    "\U0001f62c": "nervous face",
    "\U0001f62e": "surprised face",
    "\U0001f62f": "surprised face",
    "\U0001f630": "anxious frightened face",
    "\U0001f631": "terrified screaming face",
    "\U0001f632": "surprised astonished face",
    "\U0001f633": "embarrassed face",
    "\U0001f64f": "thankful praying hands",
    "\U0001f92c": "furious swearing face",
    "\U0001f92e": "disgusted vomiting face",
    "\U0001f922": "disgusted face",
    "\U0001f92f": "shocked surprised face",
    "\U0001f970": "smiling face with love",
    "\U0001f973": "celebrating face",
    "\U0001f97a": "pleading sad face",
}
EMOJI = "[\u2600-\u27bf\U0001f300-\U0001faff]"
"""A pattern of one emoji."""
# Emoji are often repeated, and their names would drown the words.
RUNS = re.compile(rf"({EMOJI})\ufe0f?(?:\1\ufe0f?)+")
REPEATED = re.compile(r"(.)\1+")
NOSE = re.compile(r"(?<=[:;=])('?)[-o^](?=.)")
SYMBOLS = re.compile(rf"{EMOTICONS}|\bx+d+\b|[^\w\s]", re.VERBOSE | re.IGNORECASE)


def spell_out(text: str) -> str:
    """Replaces emoji and emoticons by words; a run of the same emoji by its words once."""
    return SYMBOLS.sub(_in_words, RUNS.sub(r"\1", text))


def _in_words(symbol: re.Match[str]) -> str:
    face = NOSE.sub(r"\1", symbol[0].casefold().replace("=", ":"))
    for shorter in (face, REPEATED.sub(r"\1", face)):
        if shorter in EMOTICON_NAMES:
            return f" {EMOTICON_NAMES[shorter]} "
    first = symbol[0][0]
    if unicodedata.category(first) == "So":
        return f" {EMOJI_NAMES.get(first) or unicodedata.name(first, '').lower()} "
    return symbol[0]
