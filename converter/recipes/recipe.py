"""Reads recipes: YAML files that hold every step from data to pack.

Every fault is one line, `file:line: key: the error and the remedy`, before anything is run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta
from yaml.nodes import MappingNode, Node

from converter.options import FaceTraining, Positive, SpeechTraining, TextTraining
from converter.recipes.progress import hash_of
from edge.configfile import loading, located, mapping_faults, read_yaml_text
from edge.errors import EmotiondError
from edge.section import Section
from edge.values import MadeBy

FOLDER = Path(__file__).parent
"""The recipes of the models that ship, and those for data of one's own."""
OWN = "own_"
"""The start of the name of a recipe for data of one's own."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
Names = tuple[Annotated[str, Meta(min_length=1)], ...]


class Quantize(Section, frozen=True):
    """Makes the pack of a run."""

    run: str = ""
    """An earlier training; by default the last one."""
    seed: Annotated[int, Meta(ge=0)] = 0


class Evaluate(Section, frozen=True):
    """Measures the pack on the test split, into its manifest."""

    run: str = ""


class Report(Section, frozen=True):
    """Writes the page of the pack's figures."""

    run: str = ""
    left_out: Names = ()
    """Folders of packs that were trained without a source and measured on it."""


class Fuse(Section, frozen=True):
    """Learns fusion.json."""

    pairs: Positive = 600
    """Simulated pairs that it is learned from."""


class _Steps(Section, frozen=True):
    quantize: Quantize = Quantize()
    evaluate: Evaluate = Evaluate()
    report: Report = Report()


class FaceSteps(_Steps, frozen=True):
    """The steps to a face pack."""

    train: FaceTraining = FaceTraining()


class SpeechSteps(_Steps, frozen=True):
    """The steps to a speech pack."""

    train: SpeechTraining = SpeechTraining()


class TextSteps(_Steps, frozen=True):
    """The steps to a text pack."""

    train: TextTraining = TextTraining()


class FusionSteps(Section, frozen=True):
    """The steps to fusion.json."""

    fuse: Fuse = Fuse()


STEPS: Mapping[str, type[Section]] = {
    "face": FaceSteps,
    "speech": SpeechSteps,
    "text": TextSteps,
    "fusion": FusionSteps,
}
"""The steps of each modality, and with them their keys."""


class Head(Section, frozen=True):
    """The keys of a recipe."""

    modality: Literal["face", "speech", "text", "fusion"]
    steps: Annotated[list[Any], Meta(min_length=1)]
    data: Names = ()
    """Names of the data sets that it needs, as `train` prints them; without any, it takes all."""


@dataclass(frozen=True)
class Step:
    """One step, with the lines of its keys."""

    kind: str
    options: Any
    """A section of STEPS."""
    lines: Mapping[str, int]
    """By key; of the step itself under the empty key."""

    @property
    def run(self) -> str:
        """The name of the training that it makes or uses; empty for the last one."""
        return str(getattr(self.options, "run", ""))


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read and whose keys are all right."""

    path: Path
    sha256: str
    modality: str
    data: tuple[str, ...]
    steps: tuple[Step, ...]
    lines: Mapping[str, int]
    """Of the keys at the top."""

    @property
    def made_by(self) -> MadeBy:
        """What the manifest of a pack says of it."""
        return MadeBy(self.path.name, self.sha256)

    def fault(self, line: int, text: str) -> str:
        """Returns a message with the place of its cause."""
        return f"{self.path}:{line}: {text}"


def find_recipe(given: str) -> Path:
    """Returns the path of a recipe, or of one that ships by its name; raises EmotiondError."""
    shipped = FOLDER / f"{given}.yaml"
    path = shipped if shipped.is_file() else Path(given)
    if not path.is_file():
        names = ", ".join(sorted(one.stem for one in FOLDER.glob("*.yaml")))
        raise EmotiondError(
            f"--recipe {given}: no such file; give the path of a recipe, or the name of one that "
            f"ships: {names}"
        )
    return path


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe; raises EmotiondError, one line per fault."""
    with loading(read_yaml_text(path), str(path)) as loader:
        root = loader.get_single_node()
        if root is None:
            raise EmotiondError(f"{path}: it is empty; expected modality and steps")
        keys = _keys(root)
        faults = list(mapping_faults(root, Head, "", loader))
        missing = [key for key in ("modality", "steps") if key not in keys]
        faults += [(1, f"{key}: missing; every recipe has it") for key in missing]
        if not faults:
            kinds = STEPS[keys["modality"].value]
            nodes = keys["steps"].value
            faults = [fault for node in nodes for fault in _step_faults(node, kinds, loader)]
        if not faults:
            head = msgspec.convert(loader.construct_document(root), Head)
            each = zip(head.steps, nodes, strict=True)
            steps = tuple(_step(content, node, kinds) for content, node in each)
            lines = {key: _line(node) for key, node in keys.items()}
            return Recipe(path, hash_of(path), head.modality, head.data, steps, lines)
    raise EmotiondError(located(faults, str(path)))


def _step_faults(
    node: Node, kinds: type[Section], loader: yaml.SafeLoader
) -> Iterator[tuple[int, str]]:
    """Yields what is wrong with one step: a mapping from its kind to its keys."""
    if isinstance(node, MappingNode) and len(node.value) != 1:
        names = " and ".join(key for key in _keys(node))
        yield _line(node), f"steps: {names} are one step; write each with a `-` of its own"
        return
    yield from mapping_faults(node, kinds, "", loader)


def _step(content: dict[str, Any], node: Node, kinds: type[Section]) -> Step:
    ((kind, values),) = content.items()
    types = {one.name: one.type for one in msgspec.structs.fields(kinds)}
    (inside,) = _keys(node).values()
    lines = {"": _line(node)} | {key: _line(one) for key, one in _keys(inside).items()}
    return Step(kind, msgspec.convert(values or {}, types[kind]), lines)


def _keys(node: Node) -> dict[str, Node]:
    """Returns the value of each key of a mapping; another node has none."""
    pairs: Sequence[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else ()
    return {str(key.value): value for key, value in pairs}


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
