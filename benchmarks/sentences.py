"""Counts which of 360 sentences are answered as they are meant, by kind.

python benchmarks/sentences.py [--models FOLDER] [--wrong]: the sentences in data/ were written for
this, before the model that is measured was trained, and no training reads them. Those of
sentences.tsv are by the people who also wrote sentences to train on, so that the two may resemble
each other; whoever wrote sentences_of_others.tsv had seen neither. An answer counts if the most
probable emotion is one of those meant. `sure but wrong` counts other answers of at least
SURE_PROBABILITY.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

from edge.commands.terminal import table
from edge.errors import EmotiondError
from edge.resources import MODELS
from emotiond import EMOTIONS, Emotions
from emotiond.results import Result

DATA = Path(__file__).parent / "data"
FILES = (DATA / "sentences.tsv", DATA / "sentences_of_others.tsv")
SEPARATOR = "|"
SURE_PROBABILITY = 0.7


@dataclass(frozen=True)
class Sentence:
    """One sentence and the emotions that a listener could hear in it."""

    kind: str
    meant: tuple[str, ...]
    text: str


def read_sentences(file: Path) -> list[Sentence]:
    """Reads a table with the columns kind, meant and text; raises EmotiondError."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE))
    sentences = [Sentence(r["kind"], tuple(r["meant"].split(SEPARATOR)), r["text"]) for r in rows]
    for line, one in enumerate(sentences, start=2):
        if unknown := set(one.meant).difference(EMOTIONS):
            raise EmotiondError(f"{file}:{line}: {unknown.pop()!r} is none of the seven emotions")
    return sentences


def _row(kind: str, answers: list[tuple[Sentence, Result]]) -> tuple[str, ...]:
    right = [one for one in answers if one[1].emotion in one[0].meant]
    sure = [one for one in answers if one[1].confidence >= SURE_PROBABILITY]
    sure_but_wrong = sum(one not in right for one in sure)
    return kind, str(len(answers)), f"{len(right) / len(answers):.0%}", str(sure_but_wrong)


def _measure(reader: Emotions, file: Path, show_wrong: bool) -> None:
    """Prints the share of the sentences of a file answered as meant, for each kind and in all."""
    sentences = read_sentences(file)
    answers = [(one, reader.text(one.text)) for one in sentences]
    rows = [
        _row(kind, [one for one in answers if one[0].kind == kind])
        for kind in dict.fromkeys(one.kind for one in sentences)
    ]
    print(table((file.stem, "n", "as meant", "sure but wrong"), [*rows, _row("all", answers)]))
    print()
    for sentence, answer in answers if show_wrong else ():
        if answer.emotion not in sentence.meant:
            meant = SEPARATOR.join(sentence.meant)
            print(f"{answer.emotion} {answer.confidence:.2f} for {meant}: {sentence.text}")


def main() -> None:
    """Measures each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--wrong", action="store_true", help="also print the other answers")
    arguments = parser.parse_args()
    reader = Emotions(arguments.models)
    for file in FILES:
        _measure(reader, file, arguments.wrong)


if __name__ == "__main__":
    main()
