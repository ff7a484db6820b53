"""Small models and data that an ML engineer could have: no training, known answers."""

from pathlib import Path

import cv2
import keras
import numpy as np

from edge.values import Pixels

SIDE = 16
LABELS = ("angry", "happy", "sad", "engaged")
"""The label of a picture is its brightest quarter."""
LIST = ",".join(LABELS)
DARK, BRIGHT = 60, 200
"""Grey levels of quarters."""


def quarters(
    end: str | None = "softmax", scale: float = 1 / 255, flat: bool = False
) -> keras.Model:
    """Returns a network that finds the brightest quarter of a grey picture.

    `scale` is the value of a grey level that it takes.
    """
    sharp = 8.0 / scale / 255
    image = keras.Input((SIDE * SIDE,) if flat else (SIDE, SIDE, 1), name="image")
    picture = keras.layers.Reshape((SIDE, SIDE, 1))(image) if flat else image
    picture = keras.layers.Conv2D(1, 1, name="copy")(picture)
    means = keras.layers.AveragePooling2D(SIDE // 2)(picture)
    dense = keras.layers.Dense(len(LABELS), activation=end, name="emotion")
    model = keras.Model(image, dense(keras.layers.Flatten()(means)))
    model.get_layer("copy").set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    dense.set_weights([np.eye(4) * sharp, np.zeros(4)])
    return model


def brightest_channel() -> keras.Model:
    """Returns a network whose labels are the channels of a picture in colour, of 0..1."""
    image = keras.Input((SIDE, SIDE, 3))
    means = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 1, name="copy")(image))
    dense = keras.layers.Dense(3, name="emotion")
    model = keras.Model(image, dense(means))
    model.get_layer("copy").set_weights([np.eye(3)[None, None], np.zeros(3)])
    dense.set_weights([np.eye(3) * 8, np.zeros(3)])
    return model


def picture(label: int, rng: np.random.Generator) -> Pixels:
    """Draws a grey picture, uint8, with noise, whose quarter `label` is bright."""
    quarter = np.full((2, 2), DARK, np.float32)
    quarter[label // 2, label % 2] = BRIGHT
    whole = np.kron(quarter, np.ones((SIDE // 2, SIDE // 2), np.float32))
    return np.asarray(np.clip(whole + rng.normal(0, 20, whole.shape), 0, 255), np.uint8)


def write_pictures(root: Path, count: int = 8, splits: tuple[str, ...] = ("train", "test")) -> Path:
    """Writes `count` pictures of each label, into SPLIT/LABEL/ or LABEL/."""
    rng = np.random.default_rng(0)
    for split in splits or ("",):
        for index, label in enumerate(LABELS):
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                cv2.imwrite(str(folder / f"{number}.png"), picture(index, rng))
    return root
