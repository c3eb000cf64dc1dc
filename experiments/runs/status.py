"""How a run stands, in words."""

from experiments.config.words import cut, visible

ENDED = {"success": "solved", "nonfinite": "diverged", "diverged": "diverged"}
"""Reason → the status of a finished run, unless it took all of its steps."""


def describe_status(status: str, reason: str) -> str:
    """How a run stands, in a few words for a page: `solved`, `running`, `interrupted (killed)`.

    Example:
        >>> describe_status("finished", "success"), describe_status("finished", "steps"), describe_status("running", "")
        ('solved', 'finished', 'running')
    """
    if status == "finished":
        return ENDED.get(reason, "finished")
    if reason == "stopped":
        return "stopped early"
    return f"{status} ({visible(cut(reason))})" if reason else status
