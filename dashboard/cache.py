"""A cache of recorded passes and of what was computed from them."""

from collections.abc import Mapping
from functools import lru_cache

from experiments.config.limits import check_memory
from experiments.config.run_config import RunConfig
from experiments.probing.from_weights import config_for, given_probe
from experiments.probing.given_network import GivenNetwork
from experiments.probing.probe import Probe, probe
from models.bptt.threads import use_one_thread

PAGE_MEMORY_LIMIT = 320 * 2**20
"""Bytes that one pass on the page may need by an estimate that lies above: 320 MiB, so that the sequence length of the
first visit can be dragged to its end. With the cache below, the server stays near 2 GiB."""


@lru_cache(maxsize=8)  # not Streamlit's: the route that answers a drag is no session
def _record_pass(config: RunConfig, network: GivenNetwork | None = None, inputs: str | None = None) -> Probe:
    # One thread: a pass is a chain of small steps, and other people's passes want the other cores.
    use_one_thread()
    if network is None:
        return probe(config)
    return given_probe(network, config.model_dump(), inputs, network.spelt, PAGE_MEMORY_LIMIT)


def record_pass(config: RunConfig) -> Probe:
    """The recorded pass of a configuration, without clipping, which acts later (`Probe.clip`).

    Raises:
        ConfigError: the pass cannot be built, or would need more memory than the page allows.
    """
    check_memory(config, limit=PAGE_MEMORY_LIMIT)
    return _record_pass(_unclipped(config))


def record_network(network: GivenNetwork, values: Mapping[str, object], inputs: str | None) -> Probe:
    """The recorded pass of a network whose weights are given, without clipping; see `given_probe`.

    Raises:
        ConfigError: values that do not go with the network, or more memory than the page allows.
    """
    return _record_pass(_unclipped(config_for(network, values)), network, inputs)


def _unclipped(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"clip_threshold": None, "clip_rule": "norm"})
