"""Messages and tables as lines for a terminal."""

from collections.abc import Sequence

from edge.events import EventMessage


def event_line(event: EventMessage) -> str:
    """One event as a subscriber's terminal shows it."""
    data = event.data
    shares = ", ".join(f"{name} {share:.0%}" for name, share in data.contributions.items())
    return (
        f"{event.time[11:23]}  {data.phase:<6} {data.emotion:<8} {data.confidence:4.0%}  "
        f"{data.duration_s:4.1f} s  {shares}"
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns under their headings."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
