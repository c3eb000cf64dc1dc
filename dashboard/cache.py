"""A cache of recorded passes and of what was computed from them."""

from functools import lru_cache

from experiments.config.limits import check_memory
from experiments.config.run_config import RunConfig
from experiments.probing.probe import Probe, probe
from models.bptt.threads import use_one_thread

PAGE_MEMORY_LIMIT = 320 * 2**20
"""Bytes that one pass on the page may need by an estimate that lies above: 320 MiB, so that the sequence length of the
first visit can be dragged to its end. With the cache below, the server stays near 2 GiB."""


@lru_cache(maxsize=8)  # not Streamlit's: the route that answers a drag is no session
def _record_pass(config: RunConfig) -> Probe:
    # One thread: a pass is a chain of small steps, and other people's passes want the other cores.
    use_one_thread()
    return probe(config)


def record_pass(config: RunConfig) -> Probe:
    """The recorded pass of a configuration, without clipping, which acts later (`Probe.clip`).

    Raises:
        ConfigError: the pass cannot be built, or would need more memory than the page allows.
    """
    check_memory(config, limit=PAGE_MEMORY_LIMIT)
    return _record_pass(config.model_copy(update={"clip_threshold": None, "clip_rule": "norm"}))
