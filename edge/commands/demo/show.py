"""`emotiond demo`: plays every sample clip through the daemon and prints a table."""

from pathlib import Path

from edge.commands.demo.broker import embedded_broker
from edge.commands.demo.player import Player, Reception
from edge.commands.terminal import event_line, table
from edge.errors import EmotiondError
from edge.publish.messages import EventMessage
from edge.resources import SAMPLES

# Emotions by the code in CREMA-D file names.
CREMA_D = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
SPOKEN = "Don't forget a jacket"
"""The sentence spoken in every clip, sent as the text."""
HEADINGS = ("clip", "true", "fused", "face", "speech", "confidence", "latency")


def show(folder: Path = SAMPLES) -> None:
    """Plays the clips and prints events as they are received, then the table.

    Raises EmotiondError if there are no clips or a part of the demo does not start.
    """
    clips = sorted(folder.glob("*.mkv"))
    if not clips:
        raise EmotiondError(f"{folder}: no clips found")
    rows = []
    with embedded_broker() as port:
        player = Player(port, _print_event)
        try:
            for clip in clips:
                print(f"\n{clip.name}: camera, microphone, and the text {SPOKEN!r}", flush=True)
                rows.append(_row(clip, player.play(clip, SPOKEN)))
        finally:
            player.close()
    print(f"\n{table(HEADINGS, rows)}")
    print("\nlatency: from capture to receipt, median of a clip's messages that show a face")


def _print_event(event: EventMessage) -> None:
    print(f"  {event_line(event)}", flush=True)


def _row(clip: Path, reception: Reception) -> tuple[str, ...]:
    confidence, latency_s = reception.confidence(reception.longest_emotion), reception.latency_s
    return (
        clip.name,
        CREMA_D.get(clip.stem.split("_")[2], "?"),
        reception.longest_emotion,
        reception.most_frequent("face"),
        reception.most_frequent("speech"),
        f"{confidence:.2f}" if confidence is not None else "–",
        f"{latency_s * 1000:.0f} ms" if latency_s is not None else "–",
    )
