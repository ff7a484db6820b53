"""A model as its author saved it: its answers, and the same network as a TFLite file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.importing.graph import Graph
from edge.emotions import FloatArray
from edge.errors import EmotiondError

Answers = list[FloatArray]


class ModelImportError(EmotiondError):
    """A model that cannot be imported; the text says what to do."""


@dataclass(frozen=True)
class Original:
    """A model with one input, read from any of the formats."""

    path: Path
    kind: str
    """The format, for people."""
    size_bytes: int
    model: bytes
    """The network as a TFLite file for a single sample: in float32, or in int8 already."""
    answer: Callable[[FloatArray], Answers]
    """Runs the author's file: float32 shaped like the TFLite's input in, every output as a row."""
    pixel_range: tuple[float, float] | None = None
    """The range of the pixels that it takes, if the file tells."""


def fixed_shape(
    path: Path, name: str, shape: Sequence[int | None], size: tuple[int, int] | None
) -> tuple[int, ...]:
    """Returns an input's shape with a batch of 1; `size`, height and width, fills what varies.

    Raises ModelImportError if an axis stays open.
    """
    if not shape:
        raise ModelImportError(f"{path}: its input {name} has no shape; export it with a fixed one")
    if shape[0] not in (None, 1):
        raise ModelImportError(
            f"{path}: it takes {shape[0]} samples at once; export it for a batch of 1"
        )
    rest = list(shape[1:])
    missing = [axis for axis, length in enumerate(rest) if length is None]
    if size is not None and len(missing) == len(size):
        for axis, length in zip(missing, size, strict=True):
            rest[axis] = length
    elif missing:
        shown = " x ".join("?" if one is None else str(one) for one in rest)
        raise ModelImportError(
            f"{path}: its input {name} is {shown}; give the size that it was trained with, "
            'such as --input "96x96 rgb 0..1"'
        )
    return (1, *(int(length) for length in rest if length is not None))


def stored_bytes(path: Path) -> int:
    """Returns the size of a file, or of all files in a folder."""
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files)


def one_input(path: Path, names: Sequence[str]) -> str:
    """Returns the name of the only input; raises ModelImportError if there are several, or none."""
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise ModelImportError(
            f"{path}: expected a model with one input, found {len(names)} ({listed}); "
            "export the part that takes one picture, sound or text"
        )
    return names[0]


def as_rows(outputs: Sequence[object]) -> Answers:
    """Returns every output of one sample as a row, float32[values]."""
    return [np.asarray(one, np.float32).reshape(-1) for one in outputs]


def check_weights(path: Path, model: bytes) -> None:
    """Raises ModelImportError if a constant of a TFLite model is not a number."""
    graph = Graph(model)
    for index, tensor in enumerate(graph.tensors):
        values = graph.constant(index)
        if values is not None and values.dtype == np.float32 and not np.isfinite(values).all():
            raise ModelImportError(
                f"{path}: {int((~np.isfinite(values)).sum())} weights of "
                f"{tensor.name.decode(errors='replace')!r} are not numbers: its training diverged"
            )
