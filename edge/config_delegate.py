"""The section of the configuration about hardware that runs models: `models.delegate`."""

from edge.section import Section


class Delegate(Section, frozen=True):
    """A LiteRT delegate, which runs models on an Edge TPU, GPU or NPU."""

    path: str = ""
    """Name or path of its library; empty for the processor, with XNNPACK."""
    options: dict[str, str | int | float] = {}
    """What the library understands."""
    required: bool = False
    """True to give a modality up whose model it refuses, False to run that on the processor."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if not self.path and (self.options or self.required):
            raise ValueError("path is missing, but other keys of delegate are set")
