import keras
import numpy as np

from converter.networks import face
from converter.packing.quantize import quantize
from converter.packing.rounding import keep_sums, round_depthwise
from edge.emotions import FloatArray
from edge.perception.interpreter import Interpreter


def test_rounding_keeps_the_sum_of_each_channel() -> None:
    kernels = np.random.default_rng(0).uniform(-127, 127, (3, 3, 50, 1)).astype(np.float32)
    rounded = keep_sums(kernels)
    assert np.array_equal(rounded, np.round(rounded))
    assert np.abs(rounded - kernels).max() < 1.5
    kept, plain = (
        np.abs((one - kernels).sum(axis=(0, 1))).max() for one in (rounded, np.round(kernels))
    )
    assert kept <= 0.5 + 1e-3
    assert plain > 1


def _smooth(rng: np.random.Generator, count: int) -> FloatArray:
    """Pictures of nearly one grey each."""
    grey = rng.normal(0, 1, (count, 1, 1, 1))
    return np.asarray(grey + rng.normal(0, 0.01, (count, 32, 32, 1)), np.float32)


def test_an_edge_filter_answers_smooth_pictures_alike_in_int8() -> None:
    rng = np.random.default_rng(0)
    inputs = keras.Input((32, 32, 1))
    wide = keras.layers.Conv2D(64, 1, use_bias=False)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False)(keras.layers.ReLU(6.0)(wide(inputs)))
    outputs = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x))
    network = keras.Model(inputs, outputs)
    depthwise = network.layers[3]
    kernel = rng.normal(0, 1, depthwise.kernel.shape)
    depthwise.set_weights([kernel - kernel.mean(axis=(0, 1))])
    wide.set_weights([rng.uniform(1, 4, wide.kernel.shape)])
    pictures = _smooth(rng, 40)
    exact = network.predict(pictures, verbose=0)

    def error() -> float:
        interpreter = Interpreter(quantize(network, pictures), "model")
        found = np.stack([interpreter.run(one)[0] for one in pictures])
        return float(np.sqrt(((found - exact) ** 2).mean()))

    before = error()
    round_depthwise(network)
    assert error() < 0.7 * before


def test_rounded_kernels_stay_what_they_were_to_the_last_step() -> None:
    network = face.build((32, 32, 1), 8)
    before = [layer.get_weights() for layer in network.layers]
    round_depthwise(network)
    for layer, weights in zip(network.layers, before, strict=True):
        for one, former in zip(layer.get_weights(), weights, strict=True):
            assert np.abs(one - former).max() <= 1.5 / 127 * np.abs(former).max(initial=0)
