from pathlib import Path

import pytest

from edge.updates.keys import TrustedKeys
from tests.support.bundles import Signer


@pytest.fixture
def keys(signer: Signer) -> TrustedKeys:
    return TrustedKeys(Path(signer.trusted))
