"""`emotiond demo`: every sample clip through the daemon, and a table of what came of it."""

from pathlib import Path

from edge.commands.demo.broker import embedded_broker
from edge.commands.demo.player import Player, Reception
from edge.commands.terminal import event_line, table
from edge.errors import EmotiondError
from edge.publish.messages import EventMessage
from edge.resources import SAMPLES

# The emotion that a CREMA-D file name states.
CREMA_D = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
SPOKEN = "Don't forget a jacket"
"""What the actor says in every clip, sent in as the text."""
HEADINGS = ("clip", "true", "fused", "face", "speech", "confidence", "latency")


def show(folder: Path = SAMPLES) -> None:
    """Plays the clips and prints events as they are received, then the table.

    Raises EmotiondError where there are no clips or a part of the demo does not start.
    """
    clips = sorted(folder.glob("*.mkv"))
    if not clips:
        raise EmotiondError(f"{folder}: there are no clips here")
    rows = []
    with embedded_broker() as port:
        player = Player(port, _tell)
        try:
            for clip in clips:
                print(f"\n{clip.name}: camera, microphone, and the text {SPOKEN!r}", flush=True)
                rows.append(_row(clip, player.play(clip, SPOKEN)))
        finally:
            player.close()
    print(f"\n{table(HEADINGS, rows)}")
    print("\nlatency: from capture to receipt, median of a clip's messages that show a face")


def _tell(event: EventMessage) -> None:
    print(f"  {event_line(event)}", flush=True)


def _row(clip: Path, reception: Reception) -> tuple[str, ...]:
    confidence, latency_s = reception.confidence(reception.foremost), reception.latency_s
    return (
        clip.name,
        CREMA_D.get(clip.stem.split("_")[2], "?"),
        reception.foremost,
        reception.most_named("face"),
        reception.most_named("speech"),
        f"{confidence:.2f}" if confidence is not None else "–",
        f"{latency_s * 1000:.0f} ms" if latency_s is not None else "–",
    )
