import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames
from edge.config import Face, Models
from edge.errors import ModelError
from edge.perception.loader import ModelLoader


def test_a_pack_of_another_modality_is_refused() -> None:
    models = Models(text=Models().text.__class__(model="speech.json"))
    with pytest.raises(ModelError, match="this is a speech model, a text model was expected"):
        _ = ModelLoader(models).text


def test_faces_narrower_than_configured_are_ignored_and_not_counted() -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 30.0)))
    (face,) = ModelLoader(Models()).detector.detect(frame.pixels)
    width_px = int(face.box[2] - face.box[0])
    counts = [
        ModelLoader(Models(face=Face(min_face_px=least))).new_face().perceive(frame).faces
        for least in (width_px, width_px + 1)
    ]
    assert counts == [1, 0]
