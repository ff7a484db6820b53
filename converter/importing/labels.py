"""The labels of an imported model: what they are called, and which emotion each one means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converter.datasets import pictures, recordings, texts
from converter.datasets.own_labels import NONE, read_mapped
from converter.importing.original import ModelImportError
from converter.tasks.registry import TASKS
from edge.emotions import EMOTIONS, Emotion

TABLES = {
    "face": pictures.LABEL_OF,
    "speech": recordings.LABEL_OF,
    "text": texts.LABEL_OF,
}
"""The names of emotions that data sets use, by modality."""


@dataclass(frozen=True)
class Labels:
    """Labels in the order of a model's output."""

    names: tuple[str, ...]
    label_map: dict[str, Emotion | None]

    @property
    def unmapped(self) -> list[str]:
        """The labels that are none of the seven emotions."""
        return [name for name in self.names if self.label_map[name] is None]

    def index(self, name: str) -> int | None:
        """Returns the place of the label that a data set calls `name`, or None."""
        wanted = name.strip().lower()
        for index, label in enumerate(self.names):
            if label.lower() == wanted:
                return index
        same = [i for i, label in enumerate(self.names) if canonical(label) == canonical(name)]
        return same[0] if len(same) == 1 else None


def read_labels(given: str, mapped: Sequence[str]) -> Labels:
    """Reads labels, separated by commas or the lines of a file, and what they are mapped to.

    Each of `mapped` is LABEL=EMOTION, or LABEL=none. Raises EmotiondError.
    """
    path = Path(given)
    text = path.read_text("utf-8").replace("\n", ",") if path.is_file() else given
    names = tuple(one.strip() for one in text.split(",") if one.strip())
    if twice := [name for name in names if names.count(name) > 1]:
        raise ModelImportError(f"--labels names {twice[0]!r} twice; each output needs its own name")
    if len(names) < 2:
        raise ModelImportError(
            f"--labels {given!r} names {len(names)} labels; expected at least two, in the order of "
            "the model's output, such as angry,happy,neutral"
        )
    label_map = {name: emotion_of(name) for name in names}
    for name, emotion in read_mapped(mapped, (*EMOTIONS, NONE)).items():
        if name not in label_map:
            raise ModelImportError(
                f"--map {name}={emotion}: no label is called {name!r}; {', '.join(names)} are"
            )
        label_map[name] = None if emotion == NONE else emotion_of(emotion)
    return Labels(names, label_map)


def emotion_of(name: str) -> Emotion | None:
    """Returns the emotion of the seven that a label means by its name, or None."""
    name = name.strip().lower()
    if name in EMOTIONS:
        return next(one for one in EMOTIONS if one == name)
    for modality, table in TABLES.items():
        if name in table:
            return TASKS[modality].label_map[table[name]]
    return None


def canonical(name: str) -> str:
    """Returns one name for all names of an emotion; calm and neutral stay apart."""
    name, emotion = name.strip().lower(), emotion_of(name)
    return name if emotion in (None, "neutral") else str(emotion)
