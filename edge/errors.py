"""The exceptions this project raises itself; each message says what to do about it."""


class EmotiondError(Exception):
    """Base of every error that a user can mend: its text is one sentence fit for a terminal."""


class ConfigError(EmotiondError):
    """A configuration file that cannot be used; the text lists every fault in it."""


class ModelError(EmotiondError):
    """A model pack that is missing, damaged or does not fit its manifest."""


class SourceError(EmotiondError):
    """A camera, microphone or media file that cannot be opened or read."""


class PayloadError(EmotiondError):
    """A command received over MQTT that is not what the contract promises."""
