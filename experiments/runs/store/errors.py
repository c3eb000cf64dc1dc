"""The errors of a run folder; each message is one sentence."""

from experiments.errors import ConfigError


class RunError(ConfigError):
    """A run cannot be found, opened, written or resumed; the message is one sentence that says what to do."""


class DamagedRunError(RunError):
    """A committed file is missing or damaged; the message names the file."""


class ForeignRunError(RunError):
    """The folder is not a run of this program, or has a newer format."""


class RunExistsError(RunError):
    """The name of a new run is already taken."""


class RunInUseError(RunError):
    """Another process is writing this run."""


class RecordingError(RunError):
    """The disk refused a write; everything committed before it is kept."""
