"""Parts of a network that stay as they are while the rest learns from a few dozen samples."""

import keras


def freeze_normalization(model: keras.Model) -> None:
    """Keeps batch normalization as it is: a few dozen samples have no statistics of their own."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def freeze_body(model: keras.Model, trained: int | None) -> None:
    """Keeps all layers with a kernel as they are, but the last `trained`; None for none of them."""
    kernels = [one for one in model.layers if hasattr(one, "kernel_size") or hasattr(one, "units")]
    for layer in kernels[: max(len(kernels) - trained, 0)] if trained is not None else ():
        layer.trainable = False
