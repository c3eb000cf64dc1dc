"""The one error that a user's input can cause."""


class ConfigError(ValueError):
    """What was given cannot be run; its message is one sentence: the field, what was given, what is allowed."""
