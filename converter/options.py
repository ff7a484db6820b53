"""The options of a training: keys of a recipe, and flags of `emotion-convert train`."""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from edge.perception.manifest import Coefficients
from edge.section import Section

FaceNetwork = Literal["mobilenet", "cnn"]
SpeechNetwork = Literal["cnn", "cnn_gru"]
NETWORKS: dict[str, tuple[str, ...]] = {
    "face": get_args(FaceNetwork),
    "speech": get_args(SpeechNetwork),
}
"""The networks of each modality; the first is the one that ships."""
Positive = Annotated[int, Meta(gt=0)]
AboveZero = Annotated[float, Meta(gt=0)]


class Student(Section, frozen=True):
    """The size of the transformer that a text model distils from its teacher."""

    blocks: tuple[Annotated[int, Meta(ge=0)], ...] = (0, 2, 4)
    """The layers of the teacher that it starts from."""
    units: Positive = 640
    """Hidden units of a layer."""
    embedding: Positive = 96
    """Size of a piece's embedding, before it is widened."""
    vocabulary: Positive = 10_000
    """Word pieces."""
    length: Annotated[int, Meta(ge=8, le=512)] = 48
    """Word pieces of a window."""
    overlap: Annotated[int, Meta(ge=0)] = 12


class Training(Section, frozen=True):
    """What all modalities have; None and empty values stand for the modality's own."""

    run: str = ""
    """A name for the result, by which later steps of a recipe call it."""
    only: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """Names of the data sets to use, of those given; by default all."""
    epochs: Positive | None = None
    batch_size: Positive | None = None
    learning_rate: AboveZero | None = None
    """Peak of the schedule."""
    patience: Positive | None = None
    """Epochs without improvement before stopping."""
    seed: Annotated[int, Meta(ge=0)] = 0
    weights: str = ""
    """A file of initial weights; in a recipe, also the name of an earlier training."""
    start: str = msgspec.field(default="", name="from")
    """A pack to fine-tune: its path without suffix, or the name of one that ships."""
    teacher: tuple[str, ...] = ()
    """Finished runs to distil from; in a recipe, also names of earlier trainings."""


class FaceTraining(Training, frozen=True):
    """What only faces have."""

    side: Positive | None = None
    """Side of the input, in pixels."""
    width: AboveZero | None = None
    """Factor of all channel counts."""
    size: Literal["small", "large"] | None = None
    """Depth of the network."""
    network: FaceNetwork | None = None


class SpeechTraining(Training, frozen=True):
    """What only voices have."""

    coefficients: Coefficients | None = None
    """The features of a frame of sound."""
    network: SpeechNetwork | None = None


class TextTraining(Training, frozen=True):
    """What only texts have."""

    encoder: str = ""
    """Folder of a sentence encoder that is fine-tuned instead, to be a teacher."""
    head_weights: tuple[Annotated[float, Meta(ge=0)], ...] = ()
    """Weights of the teacher's heads, one for each family of its data sets."""
    student: Student = Student()


TRAININGS: dict[str, type[Training]] = {
    "face": FaceTraining,
    "speech": SpeechTraining,
    "text": TextTraining,
}
"""The options of each modality."""
