"""Prints what an import wrote and found."""

from collections.abc import Callable, Iterable, Sequence

from converter.importing.build import Imported
from converter.importing.measure import ENOUGH_AGREEMENT, Row
from converter.packing.usage import usage

Table = Callable[[str, Sequence[str], Iterable[Sequence[str]]], None]
"""Prints a title, headings and rows."""
HEADINGS = ("form", "agreement", "accuracy", "size", "latency")


def print_import(found: Imported, table: Table) -> None:
    """Prints the notes, the figures of each form, and how to use the pack."""
    for note in found.notes:
        print(note)
    title = f"{found.manifest.name}, {found.measured} samples"
    table(title, HEADINGS, [_cells(one) for one in found.rows])
    pack = found.rows[-1]
    if pack.agreement < ENOUGH_AGREEMENT:
        print(f"warning: the pack answers {1 - pack.agreement:.1%} of the samples otherwise than")
        print("  its original; give more --data, of the kind that the device will meet")
    print("wrote", found.manifest_path)
    print(usage(found.manifest.modality, found.manifest_path))


def _cells(row: Row) -> list[str]:
    return [
        row.form,
        f"{row.agreement:.1%}",
        "–" if row.accuracy is None else f"{row.accuracy:.1%}",
        f"{row.size_bytes / 1000:,.0f} kB",
        "–" if row.latency_ms is None else f"{row.latency_ms:.2f} ms",
    ]
