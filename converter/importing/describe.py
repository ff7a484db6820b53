"""Says in words what an import read from a model and what it did to it."""

from typing import TYPE_CHECKING

from converter.importing.labels import Labels
from converter.importing.network import Network
from edge.perception.manifest import ImageInput, InputSpec, Manifest, SoundInput

if TYPE_CHECKING:
    from converter.importing.build import Request

ENDS = {
    "SOFTMAX": "ends in a softmax, which is taken off: the device has its own",
    "LOG_SOFTMAX": "ends in a log-softmax, which is taken off: the device has its own",
    "LOGISTIC": "ends in a sigmoid for each label, which is taken off: the device answers with one "
    "distribution over the labels",
}


def describe(manifest: Manifest, network: Network, labels: Labels, request: "Request") -> list[str]:
    """Returns a sentence for each thing that a user should check."""
    sentences = [f"input: {describe_input(manifest.input)}"]
    is_rgb = isinstance(manifest.input, ImageInput) and manifest.input.colour == "rgb"
    if is_rgb and not {"rgb", "imagenet"} & set(request.input.lower().split()):
        sentences.append('its channels are taken as rgb; if they are bgr, add "bgr" to --input')
    if network.end:
        sentences.append(f"output: {ENDS[network.end]}")
    elif manifest.output == "probabilities":
        sentences.append("output: probabilities, by measurement; they are not softmaxed again")
    else:
        sentences.append("output: logits, by measurement")
    means = (f"{name} = {labels.label_map[name]}" for name in labels.names)
    sentences.append(f"labels: {', '.join(means)}")
    if labels.unmapped:
        named = ", ".join(labels.unmapped)
        sentences.append(
            f"none of the seven emotions: {named}; they stay among the model's own labels. "
            "--map LABEL=EMOTION gives them one"
        )
    return sentences


def describe_input(spec: InputSpec) -> str:
    """Returns an input as a sentence."""
    if isinstance(spec, ImageInput):
        height, width, _ = spec.shape
        values = {"standardized": "standardized", "unit": "0..1", "signed_unit": "-1..1"}
        scaled = values.get(spec.normalization) or _affine(spec)
        return f"{width}x{height} {spec.colour} {scaled}"
    if isinstance(spec, SoundInput):
        frames, coefficients = spec.shape
        return (
            f"{frames}x{coefficients} {spec.coefficients} of {spec.window_s * 1000:g} ms every "
            f"{spec.hop_s * 1000:g} ms, {spec.mel_bands} bands of {spec.low_hz:g}.."
            f"{spec.high_hz:g} Hz, level {spec.level}"
        )
    return f"{spec.shape[0]} hashed n-grams"


def _affine(spec: ImageInput) -> str:
    each = zip(spec.mean, spec.deviation, strict=True)
    return ", ".join(f"(grey level - {mean:.4g}) / {deviation:.4g}" for mean, deviation in each)
