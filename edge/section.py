"""The base of every mapping of the configuration."""

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the configuration file."""
