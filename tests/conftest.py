from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.harness.mosquitto import Mosquitto
from tests.support.bundles import Signer
from tests.support.servers import FileServer, file_server

settings.register_profile("emotiond", deadline=None)  # a loaded machine takes longer
settings.load_profile("emotiond")


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what is cached, as which models were tried, out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def stopped_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def broker(stopped_broker: Mosquitto) -> Mosquitto:
    stopped_broker.start()
    return stopped_broker


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with file_server() as server:
        yield server
