"""Describes what samples that were measured had to do with the model's weights."""

from pathlib import Path

from converter.datasets.splits import Splits
from converter.datasets.taught import fingerprints, read_taught
from converter.measuring.evaluate import is_made_from
from edge.perception.pack import Pack


def describe_origin(splits: Splits, pack: Pack, run: Path) -> str:
    """Returns a sentence about the test samples; only hashes show that they taught nothing.

    `run` may be the run that the pack was made from.
    """
    taught = read_taught(run) if is_made_from(run, pack) else None
    if taught is None:
        reason = f"{run} has no hashes of the samples that {pack.path.name} learned from"
        return f"These samples may have taught the model: {reason}."
    found = fingerprints(splits.test.labelled.inputs)
    copies = sum(one in taught.hashes for one in found)
    if copies:
        return (
            f"{copies} of these {len(found)} samples taught the model or calibrated it: "
            "they have the same hashes."
        )
    others = [one for one in pack.manifest.trained_on if one not in taught.trained_on]
    if others:
        return (
            "These samples may have taught the model: its first weights or its teachers learned "
            f"from {', '.join(others)}."
        )
    return (
        f"No weight comes from these samples: none of their {len(found)} hashes is among the "
        f"{len(taught.hashes)} of the samples that taught and calibrated the model."
    )
