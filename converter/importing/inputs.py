"""Finds out which features a model takes: from its input's shape, and from the user's sentence."""

from collections.abc import Sequence
from math import isclose, prod
from pathlib import Path

import msgspec

from converter.importing.graph import Graph
from converter.importing.layout import Layout
from converter.importing.original import ModelImportError, Original
from converter.importing.sentence import EXAMPLES, InputSentence
from converter.importing.sound_input import find_sound
from converter.tasks.text import ngram_input
from edge.perception.manifest import CHANNELS, ImageInput, InputSpec, TextInput

RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""Usual values of black and white."""
NORMALIZATIONS = {(0.0, 1.0): "unit", (-1.0, 1.0): "signed_unit"}
FIRST, LAST = "channels_first", "channels_last"


def find_input(original: Original, modality: str, said: InputSentence) -> tuple[InputSpec, Layout]:
    """Returns the features of a model's input and their layout in it; raises ModelImportError."""
    graph = Graph(original.model)
    own = graph.shape(graph.inputs[0])
    if modality == "face":
        return _image(original, own, said)
    if modality == "speech":
        return find_sound(original.path, own, said)
    return _text(original.path, own)


def _image(
    original: Original, own: tuple[int, ...], said: InputSentence
) -> tuple[ImageInput, Layout]:
    shape, order = _image_shape(original.path, own, said)
    colour = said.colour or ("grey" if shape[2] == 1 else "rgb")
    if CHANNELS[colour] != shape[2]:
        raise ModelImportError(
            f"{original.path}: it takes {shape[2]} channels, --input says {colour}; "
            f"use {'grey' if shape[2] == 1 else 'rgb or bgr'}"
        )
    plain = ImageInput(shape, colour, "unit")  # type: ignore[arg-type]  # one of CHANNELS
    return _normalized(original, plain, said), Layout(shape, own, order)


def _image_shape(
    path: Path, own: tuple[int, ...], said: InputSentence
) -> tuple[tuple[int, int, int], tuple[int, ...] | None]:
    """Returns height, width and channels, and the order of the model's axes."""
    axes, wanted = own[1:], CHANNELS[said.colour] if said.colour else None
    if len(axes) == 3 and axes[2] in (1, 3) and said.layout != FIRST:
        shape, order = (axes[0], axes[1], axes[2]), None
    elif len(axes) == 3 and axes[0] in (1, 3) and said.layout != LAST:
        shape, order = (axes[1], axes[2], axes[0]), (0, 3, 1, 2)
    elif len(axes) == 2:
        shape, order = (axes[0], axes[1], 1), None
    elif len(axes) == 1 and said.size and axes[0] == prod(said.size) * (wanted or 1):
        shape, order = (said.size[1], said.size[0], wanted or 1), None
    else:
        shown = " x ".join(map(str, axes))
        raise ModelImportError(
            f"{path}: its input is {shown}, which is no picture with 1 or 3 channels; give the "
            f"right --modality, or the size of a picture, such as {EXAMPLES['face']}"
        )
    if said.size and (shape[1], shape[0]) != said.size:
        raise ModelImportError(
            f"{path}: it takes pictures of {shape[1]}x{shape[0]}, --input says "
            f"{said.size[0]}x{said.size[1]}"
        )
    return shape, order


def _normalized(original: Original, spec: ImageInput, said: InputSentence) -> ImageInput:
    if said.standardized:
        return msgspec.structs.replace(spec, normalization="standardized")
    found = said.range or original.pixel_range or quantized_range(original.model)
    if found is None and (said.mean or said.std):
        found = (0.0, 1.0)
    if found is None:
        size = f"{spec.shape[1]}x{spec.shape[0]} {spec.colour}"
        raise ModelImportError(
            f"{original.path}: the range of its pixels cannot be read from the file; give what "
            f'its author trained with: --input "{size} 0..1" (or -1..1, 0..255, standardized, '
            "imagenet, or 0..255 mean=… std=…)"
        )
    if not found[0] < found[1]:
        raise ModelImportError(f"--input: the range {found[0]:g}..{found[1]:g} is not ascending")
    if not said.mean and not said.std and found in NORMALIZATIONS:
        return msgspec.structs.replace(spec, normalization=NORMALIZATIONS[found])
    channels = spec.shape[2]
    step = (found[1] - found[0]) / 255  # worth of a grey level
    means = _each(said.mean or (0.0,), channels, "mean")
    deviations = _each(said.std or (1.0,), channels, "std")
    if min(deviations) <= 0:
        raise ModelImportError(f"--input: std={min(deviations):g} is not above 0")
    return msgspec.structs.replace(
        spec,
        normalization="affine",
        mean=tuple((mean - found[0]) / step for mean in means),
        deviation=tuple(deviation / step for deviation in deviations),
    )


def _each(values: Sequence[float], channels: int, name: str) -> Sequence[float]:
    if len(values) not in (1, channels):
        raise ModelImportError(f"--input: {name} has {len(values)} values for {channels} channels")
    return values if len(values) == channels else [*values] * channels


def quantized_range(model: bytes) -> tuple[float, float] | None:
    """Returns the usual range that an int8 model's input stands for, or None."""
    graph = Graph(model)
    found = graph.scale(graph.inputs[0])
    if found is None:
        return None
    scale, zero = found
    low, high = scale * (-128 - zero), scale * (127 - zero)
    near = (0.02 * (high - low)) or 1.0
    return next(
        (
            one
            for one in RANGES
            if isclose(low, one[0], abs_tol=near) and isclose(high, one[1], abs_tol=near)
        ),
        None,
    )


def _text(path: Path, own: tuple[int, ...]) -> tuple[TextInput, Layout]:
    buckets = prod(own)
    if len(own) != 2:
        raise ModelImportError(
            f"{path}: its input is {' x '.join(map(str, own[1:]))}; a text model takes a row of "
            "hashed n-grams, as edge/perception/text_features.py computes them"
        )
    return ngram_input(buckets), Layout((buckets,), own)
