"""`Live`: follows the people in a stream of pictures and sound, as the daemon does."""

from edge.perception.features import Pixels
from edge.tracking.episodes import State
from edge.tracking.tracker import Tracker
from edge.values import AudioBlock, Frame, Observation, Sighting, Sound
from emotiond.models import SharedModels
from emotiond.results import Result, of_observation, of_state


class Live:
    """Reads one stream over time: subjects keep their numbers, and beliefs are smoothed.

    Times are seconds of one clock, which starts anywhere and does not go back. Not thread-safe:
    one thread hands in pictures, sound and texts; several streams may run in parallel.
    """

    def __init__(self, models: SharedModels, started_s: float = 0.0) -> None:
        self._models = models
        self._newest_s = started_s
        config = models.config
        self._face = models.new_face()
        self._speech = models.new_speech()
        self._tracker = Tracker(config.tracking, config.fusion, models.fusion, started_s)

    def frame(self, pixels: Pixels, captured_s: float) -> tuple[Result, ...]:
        """Adds the next picture, uint8 HxWx3 BGR; returns the faces in it, the primary first."""
        return tuple(map(of_observation, self.see(pixels, captured_s).observations))

    def sound(self, samples: Sound, captured_s: float) -> tuple[Result, ...]:
        """Adds sound, int16 mono at 16 kHz, that ends at `captured_s`.

        Returns a result for each stretch of voice that it completes.
        """
        return tuple(map(of_observation, self.hear(samples, captured_s)))

    def text(self, text: str, received_s: float) -> Result:
        """Adds a text of the primary subject; returns its result."""
        observation = self._models.words(text, received_s)
        self._tracker.observe(observation)
        return of_observation(observation)

    def see(self, pixels: Pixels, captured_s: float) -> Sighting:
        """Adds the next picture as `frame` does; returns the observations behind the results."""
        sighting = self._models.see(self._face, Frame(pixels, captured_s))
        self._tracker.observe(sighting)
        return sighting

    def hear(self, samples: Sound, captured_s: float) -> list[Observation]:
        """Adds sound as `sound` does; returns the observations behind the results."""
        heard = self._models.hear(self._speech, AudioBlock(samples, captured_s))
        for observation in heard:
            self._tracker.observe(observation)
        return heard

    def fused(self, now_s: float) -> tuple[Result | None, tuple[Result, ...]]:
        """Returns the belief about the primary subject, None without one, and about everybody."""
        primary = of_state(self.state(now_s))
        everybody = map(of_state, self._tracker.states())
        return primary, tuple(one for one in everybody if one is not None)

    def state(self, now_s: float) -> State:
        """Returns the state of the primary subject, as the daemon publishes it."""
        self._newest_s = max(now_s, self._newest_s)  # a picture may come later than newer sound
        self._tracker.pass_time(self._newest_s)
        return self._tracker.state
