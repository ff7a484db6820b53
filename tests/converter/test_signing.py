import hashlib
import json
import stat
from pathlib import Path

import pytest

from converter.packing.signing import new_key, sign_bundle
from edge.errors import EmotiondError
from edge.resources import MODELS
from edge.updates.bundle import BundleReader
from edge.updates.keys import TrustedKeys
from tests.converter.command_line import convert


def test_the_printed_message_names_the_bundle_that_was_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(monkeypatch, "new-key", tmp_path / "owner") == 0
    assert stat.S_IMODE((tmp_path / "owner.key").stat().st_mode) == 0o600
    sign = ("sign", "--key", tmp_path / "owner.key", "--version", "1.2", "--out", tmp_path)
    assert convert(monkeypatch, *sign, MODELS / "speech.json") == 0
    message = json.loads(capsys.readouterr().out.rpartition("set/models: ")[2])
    bundle = tmp_path / "models-1.2.tar"
    assert message == {
        "version": "1.2",
        "sha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
    }
    (tmp_path / "owner.key").rename(tmp_path / "kept")
    with bundle.open("rb") as stream:
        found = BundleReader(stream, TrustedKeys(tmp_path)).bundle
    assert list(found.files) == ["speech.json", "speech.tflite"]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    new_key(tmp_path / "owner", "")
    with pytest.raises(EmotiondError, match=r"owner\.key: cannot be made"):
        new_key(tmp_path / "owner", "")


@pytest.mark.parametrize(
    ("files", "version", "reason"),
    [
        (["fusion.json"], "1.2-beta", "this cannot be a bundle"),
        (["fusion.json", "fusion.json"], "1.2", "a bundle has one file of each name"),
        (["README.md"], "1.2", "not a valid manifest"),
    ],
)
def test_what_no_device_would_take_is_not_signed(
    tmp_path: Path, files: list[str], version: str, reason: str
) -> None:
    key, _ = new_key(tmp_path / "owner", "")
    with pytest.raises(EmotiondError, match=reason):
        sign_bundle([MODELS / one for one in files], version, key, tmp_path)
    assert not list(tmp_path.glob("*.tar"))


def test_only_an_ed25519_key_signs(tmp_path: Path) -> None:
    _, public = new_key(tmp_path / "owner", "")
    with pytest.raises(EmotiondError, match="not a private key, or a wrong passphrase"):
        sign_bundle([MODELS / "fusion.json"], "1", public, tmp_path)
