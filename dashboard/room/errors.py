"""The one error of a room."""

from experiments.errors import ConfigError


class RoomError(ConfigError):
    """A room does not do what was asked. The message is for the page: what is wrong, then what to do."""


class ClosedError(RoomError):
    """The room has closed, or there never was one of this code."""
