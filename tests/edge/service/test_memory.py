from edge.config import Load
from edge.service.memory import INTERVAL_S, MemoryGuard


class Device:
    """A daemon with three modalities, of which each takes 50 MB, and 100 MB besides."""

    def __init__(self, config: Load, allowed_mb: float | None) -> None:
        self.running = ["face", "speech", "text"]
        self.reasons: list[str] = []
        guard = MemoryGuard(config, self._give_up, self._used_mb, lambda: allowed_mb)
        for second in range(round(5 * INTERVAL_S)):
            guard.check(float(second), self.running)

    def _used_mb(self) -> float:
        return 100.0 + 50 * len(self.running)

    def _give_up(self, modality: str, reason: str) -> None:
        self.running.remove(modality)
        self.reasons.append(reason)


def test_nothing_is_given_up_within_the_limit_or_without_one() -> None:
    assert Device(Load(), None).running == ["face", "speech", "text"]
    assert Device(Load(), 300.0).running == ["face", "speech", "text"]
    assert Device(Load(max_memory_mb=250.0), 1.0).running == ["face", "speech", "text"]


def test_the_least_important_is_given_up_first_and_no_more_than_necessary() -> None:
    device = Device(Load(), 250.0)
    assert device.running == ["face", "speech"]
    assert "takes 250 MB and may take 212; see load.max_memory_mb" in device.reasons[0]


def test_the_last_modality_is_kept() -> None:
    assert Device(Load(max_memory_mb=1.0), None).running == ["face"]
