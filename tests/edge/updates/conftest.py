from pathlib import Path

import pytest

from edge.updates.keys import TrustedKeys
from tests.support.bundles import Signer


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def keys(signer: Signer) -> TrustedKeys:
    return TrustedKeys(Path(signer.trusted))
