"""What can be wrong with a run folder, each in one sentence."""

from experiments.errors import ConfigError


class RunError(ConfigError):
    """A run that cannot be found, opened, written or resumed; the message is one sentence that says what to do."""


class DamagedRunError(RunError):
    """Something committed that is missing or not what was written; the message names the file."""


class ForeignRunError(RunError):
    """A folder that is not a run of this program, or one of a newer format."""


class RunExistsError(RunError):
    """A new run's name is taken."""


class RunInUseError(RunError):
    """Another process writes this run."""


class RecordingError(RunError):
    """The disk refused a write; all that was committed before it is kept."""
