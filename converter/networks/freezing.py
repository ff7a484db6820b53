"""Parts of a network that stay as they are while the rest learns from a few dozen samples."""

import keras

FEW_SAMPLES = 1000
"""More training samples than this can teach the whole network; fewer teach little from scratch."""


def freeze_normalization(model: keras.Model) -> None:
    """Keeps batch normalization as it is: a few dozen samples have no statistics of their own."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def freeze_body(model: keras.Model, trained: int | None, samples: int) -> None:
    """Keeps the layers with a kernel as they are, but the last `trained`, if the samples are few.

    None keeps no layer.
    """
    if trained is None or samples > FEW_SAMPLES:
        return
    kernels = [one for one in model.layers if hasattr(one, "kernel_size") or hasattr(one, "units")]
    for layer in kernels[: max(len(kernels) - trained, 0)]:
        layer.trainable = False
