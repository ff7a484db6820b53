"""`emotiond demo`: plays every sample clip through the daemon and prints a table."""

from collections.abc import Sequence
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
HEADINGS = ("clip", "true", "fused", "", "confidence", "face", "speech", "latency")
SURE = 0.7
"""Confidence from which a wrong answer is counted apart."""
UNKNOWN = "unknown"
LEGEND = """\
fused: the emotion that held longest, and its mean confidence while it held; unknown if that is too
low. Nobody gave the clips a text: they all say the same neutral sentence. face, speech: their most
frequent answers. latency: from capture to receipt, median of a clip's messages that show a face."""
NEXT = """\
What next:
  emotiond demo --web     the same clips on a page, live
  emotiond serve          a page for your own camera, microphone and files
  emotiond run            the daemon; docs/service.md installs it as a service"""


def show(folder: Path = SAMPLES) -> None:
    """Plays the clips and prints events as they are received, then the table.

    Raises EmotiondError if there are no clips or a part of the demo does not start.
    """
    clips = sorted(folder.glob("*.mkv"))
    if not clips:
        raise EmotiondError(f"{folder}: no clips found")
    receptions = []
    with embedded_broker() as port:
        player = Player(port, _print_event)
        try:
            for clip in clips:
                print(f"\n{clip.name}", flush=True)
                receptions.append((clip, player.play(clip)))
        finally:
            player.close()
    print(f"\n{table(HEADINGS, [_row(*one) for one in receptions])}")
    print(f"\n{_score(receptions)}\n\n{LEGEND}\n\n{NEXT}")


def _print_event(event: EventMessage) -> None:
    print(f"  {event_line(event)}", flush=True)


def _true_emotion(clip: Path) -> str:
    return CREMA_D.get(clip.stem.split("_")[2], "?")


def _row(clip: Path, reception: Reception) -> tuple[str, ...]:
    answer, latency_s = reception.answer, reception.latency_s
    is_right = answer.emotion == _true_emotion(clip)
    return (
        clip.name,
        _true_emotion(clip),
        answer.emotion,
        "?" if answer.emotion == UNKNOWN else "✓" if is_right else "✗",
        f"{answer.confidence:.2f}",
        reception.most_frequent("face"),
        reception.most_frequent("speech"),
        f"{latency_s * 1000:.0f} ms" if latency_s is not None else "–",
    )


def _score(receptions: Sequence[tuple[Path, Reception]]) -> str:
    """Counts right, wrong and unknown answers in one line."""
    right = unknown = sure = 0
    for clip, reception in receptions:
        answer = reception.answer
        unknown += answer.emotion == UNKNOWN
        right += answer.emotion == _true_emotion(clip)
        is_wrong = answer.emotion not in (UNKNOWN, _true_emotion(clip))
        sure += is_wrong and answer.confidence > SURE
    return (
        f"{right} of {len(receptions)} right, {unknown} unknown; "
        f"{sure} wrong with a confidence above {SURE}"
    )
