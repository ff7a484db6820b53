import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.packing.signing import new_key
from edge.errors import UpdateError
from edge.resources import MODELS
from edge.updates.archive import pack_folder
from edge.updates.bundle import LIST, SIGNATURE, BundleReader
from edge.updates.keys import TrustedKeys
from edge.updates.version import order
from tests.support.bundles import Signer

FUSION = (MODELS / "fusion.json").read_bytes()


def _member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
    info.size = len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def _head(bundle: Path) -> bytes:
    """Returns the list and the signature of a bundle, as it has them."""
    with tarfile.open(bundle) as archive:
        found = [archive.extractfile(name) for name in (LIST, SIGNATURE)]
        contents = [stream.read() for stream in found if stream is not None]
    return _member(LIST, contents[0]) + _member(SIGNATURE, contents[1])


def test_a_bundle_gives_the_files_that_were_signed(
    signer: Signer, keys: TrustedKeys, tmp_path: Path
) -> None:
    bundle = signer.sign("1.2", MODELS / "speech.json", MODELS / "fusion.json")
    with bundle.open("rb") as stream:
        reader = BundleReader(stream, keys)
        reader.extract(tmp_path / "new")
    assert reader.bundle.version == "1.2"
    for name in ("speech.json", "speech.tflite", "fusion.json"):
        assert (tmp_path / "new" / name).read_bytes() == (MODELS / name).read_bytes()
    again = io.BytesIO()
    pack_folder(tmp_path / "new", again)
    again.seek(0)
    assert BundleReader(again, keys).bundle == reader.bundle


def test_a_bundle_by_a_stranger_is_refused_before_its_files_are_read(
    signer: Signer, keys: TrustedKeys
) -> None:
    with (
        signer.sign("1", key=signer.strange_key).open("rb") as stream,
        pytest.raises(UpdateError, match=r"not by a trusted key \(.* has owner\)"),
    ):
        BundleReader(stream, keys)


def test_a_changed_list_is_refused(signer: Signer, keys: TrustedKeys) -> None:
    content = signer.sign("1").read_bytes().replace(b'"version": "1"', b'"version": "9"')
    with pytest.raises(UpdateError, match="not by a trusted key"):
        BundleReader(io.BytesIO(content), keys)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (_member("../fusion.json", FUSION), "'../fusion.json' is in the bundle, but not in its"),
        (_member("/etc/cron.d/x", FUSION), "not in its list"),
        (_member("fusion.json", kind=tarfile.SYMTYPE), "is not a plain file"),
        (_member("fusion.json", kind=tarfile.LNKTYPE), "is not a plain file"),
        (_member("fusion.json", kind=tarfile.CHRTYPE), "is not a plain file"),
        (_member("fusion.json", b"9" * 600, tarfile.XHDTYPE), "is not a plain file"),
        (_member("x", b"9" * 600, tarfile.GNUTYPE_LONGNAME), "is not a plain file"),
        (_member("fusion.json", FUSION[:-1]), "bytes, the list says"),
        (_member("fusion.json", FUSION[:-1] + b" "), "fusion.json is damaged"),
        (_member("fusion.json", FUSION)[:9000], "ends too early"),
        (b"", "ends too early"),
        (b"\xff" * 512, "is damaged"),
    ],
)
def test_an_archive_leads_nowhere_but_to_the_listed_files(
    signer: Signer, keys: TrustedKeys, tmp_path: Path, members: bytes, reason: str
) -> None:
    reader = BundleReader(io.BytesIO(_head(signer.sign("1")) + members), keys)
    with pytest.raises(UpdateError, match=reason):
        reader.extract(tmp_path / "deep" / "new")
    assert {one.name for one in tmp_path.rglob("*")} <= {
        "deep",
        "new",
        LIST,
        SIGNATURE,
        "fusion.json",
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", bytes(2048), _member("x"), _member(LIST, bytes(70_000)), _member(LIST)],
)
def test_what_is_no_bundle_is_called_so(keys: TrustedKeys, content: bytes) -> None:
    with pytest.raises(UpdateError, match="not a bundle of models"):
        BundleReader(io.BytesIO(content), keys)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "../../etc"},
        {"version": "1.2\n"},
        {"version": "٣"},
        {"files": {"../x": {"sha256": "0" * 64, "size": 1}}},
        {"files": {"bundle.sig": {"sha256": "0" * 64, "size": 1}}},
        {"files": {}},
        {"type": "another"},
        {"format": 2},
    ],
)
def test_even_a_signed_list_names_only_plain_files_and_versions(
    signer: Signer, keys: TrustedKeys, change: dict[str, object]
) -> None:
    with tarfile.open(signer.sign("1")) as archive:
        stream = archive.extractfile(LIST)
        assert stream is not None
        content = json.dumps(json.loads(stream.read()) | change).encode()
    key = load_pem_private_key(signer.key.read_bytes(), None)
    signature = key.sign(content)  # type: ignore[union-attr, call-arg]
    made = _member(LIST, content) + _member(SIGNATURE, signature)
    with pytest.raises(UpdateError, match="signed, but not a list that this version reads"):
        BundleReader(io.BytesIO(made), keys)


@pytest.fixture(scope="session")
def whole(signer: Signer) -> bytes:
    return signer.sign("1").read_bytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_bundle_gives_the_signed_files_or_a_refusal(
    whole: bytes, keys: TrustedKeys, data: st.DataObject
) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, min(len(whole), 6000)))
        piece = data.draw(st.binary(max_size=600))
        broken[start : start + data.draw(st.integers(0, 600))] = piece
    with tempfile.TemporaryDirectory() as folder:
        try:
            BundleReader(io.BytesIO(broken), keys).extract(Path(folder, "new"))
        except UpdateError:
            pass
        else:
            assert Path(folder, "new", "fusion.json").read_bytes() == FUSION
        assert {one.name for one in Path(folder).iterdir()} <= {"new"}


def _writable(folder: Path) -> None:
    folder.chmod(0o777)


def _writable_key(folder: Path) -> None:
    (folder / "owner.pem").chmod(0o666)


def _private_key(folder: Path) -> None:
    (folder / "owner.pem").write_bytes((folder / "owner.key").read_bytes())


def _no_key(folder: Path) -> None:
    (folder / "owner.pem").unlink()


def _no_folder(folder: Path) -> None:
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_writable, "others than its owner can write to it: chmod go-w"),
        (_writable_key, "others than its owner can write to it: chmod go-w"),
        (_private_key, "not a public key"),
        (_no_key, "no key"),
        (_no_folder, "cannot read the trusted keys"),
    ],
)
def test_keys_that_cannot_be_trusted_are_named(
    tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    new_key(folder / "owner", "")
    TrustedKeys(folder)
    change(folder)
    with pytest.raises(UpdateError, match=reason):
        TrustedKeys(folder)


def test_versions_are_compared_by_number() -> None:
    assert order("1.10") > order("1.9.9") > order("1.9") == order("1.9.0.0") > order("")
