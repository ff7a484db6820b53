import pytest

from edge.config import Models
from edge.errors import ModelError
from edge.perception.loader import ModelLoader


def test_a_pack_of_another_modality_is_refused() -> None:
    models = Models(text=Models().text.__class__(model="speech.json"))
    with pytest.raises(ModelError, match="this is a speech model, a text model was expected"):
        _ = ModelLoader(models).text
