"""Checks the packs of an unpacked bundle: each is run on its check samples."""

from collections.abc import Collection
from pathlib import Path

from edge.config import Fusion
from edge.errors import ModelError, UpdateError
from edge.fusion.model import load_fusion
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner
from edge.perception.trial import Trials


def check_packs(
    folder: Path, files: Collection[str], wanted: Collection[str], fusion: Fusion
) -> None:
    """Raises ModelError unless all packs work; UpdateError if the configuration wants no file.

    `wanted` has the names of its manifests and of its fusion file. Packs are first run in a process
    of their own, because a model may end it; UntriedModelError if that is no fault of the model.
    """
    if not set(files) & set(wanted):
        raise UpdateError(
            f"the configuration uses {', '.join(sorted(wanted))}; the bundle has none of them"
        )
    described = [folder / one for one in sorted(files) if one.endswith(".json")]
    try:
        manifests = [one for one in described if not _is_fusion(one, fusion)]
        Trials(None).check(manifests)
        for path in manifests:
            _check_samples(path)
    except ModelError as error:
        raise type(error)(str(error).replace(f"{folder}/", "")) from error


def _is_fusion(path: Path, fusion: Fusion) -> bool:
    """Returns whether a file is a fusion file; raises ModelError if it is an unfit one."""
    is_used = path.name == fusion.file
    try:
        load_fusion(path, fusion.strategy if is_used else "")
    except ModelError:
        if is_used or path.name.startswith("fusion"):
            raise
        return False
    return True


def _check_samples(path: Path) -> None:
    pack = load_pack(path)
    run = sample_runner(pack)
    for number, sample in enumerate(pack.manifest.checks, 1):
        deviation = sample.deviation(run(sample))
        if deviation > sample.tolerance:
            raise ModelError(
                f"{path.name}: the answer to check sample {number} differs by {deviation:.2f}, "
                f"more than {sample.tolerance:g}: it computes something else on this device"
            )
