"""The one error that a user's input can cause."""


class ConfigError(ValueError):
    """The user's input cannot be used. The message is one sentence: the field, the value given, the values allowed."""
