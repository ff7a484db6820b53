import pytest

from edge.config import Models
from edge.perception.loader import ModelLoader


@pytest.fixture(scope="module")
def loader() -> ModelLoader:
    return ModelLoader(Models())
