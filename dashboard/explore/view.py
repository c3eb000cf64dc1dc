"""Explore's settings with their recorded passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from analysis.clipping import Clipping, ClipRule
from analysis.profile import Profile
from dashboard.cache import record_network, record_pass
from dashboard.explore.configs import network_values, page_configs
from dashboard.explore.networks import OpenedNetwork, network_of
from dashboard.explore.settings import NOISE, Settings
from experiments.errors import ConfigError
from experiments.probing.probe import Probe
from models.cells.registry import CELLS


@dataclass(frozen=True, eq=False)
class View:
    """What is to be shown: everything on the page follows from it."""

    settings: Settings
    probes: Mapping[str, Probe]
    """Cell → its recorded pass."""
    pinned: Settings | None
    """The settings kept as A."""
    network: OpenedNetwork | None = None
    """None where the page has drawn the weights."""

    @property
    def is_of_top(self) -> bool:
        """Whether the charts are of the top layer, forwards."""
        return all(probe.layer_index is None for probe in self.probes.values())

    def clip(self, probe: Probe) -> Clipping:
        """The parameter gradient before and after the clipping that is set."""
        return probe.clip(self.settings.threshold, cast(ClipRule, self.settings.clip_rule))

    @property
    def clippings(self) -> Mapping[str, Clipping]:
        """Cell → the same."""
        return {cell: self.clip(probe) for cell, probe in self.probes.items()}

    def pinned_profiles(self) -> dict[str, Profile]:
        """Cell → the profile of the settings kept as A; none where nothing is."""
        if self.pinned is None:
            return {}
        return {cell: probe.profile for cell, probe in record_passes(self.pinned, network_of(self.pinned)).items()}


def record_view(settings: Settings, pinned: Settings | None = None) -> View:
    """Record what the settings describe: one pass per chosen cell, or one of the network that they name.

    Raises:
        ConfigError: no cell is chosen, the network cannot be opened, or the first setting that is not allowed together
            with the others.
    """
    network = network_of(settings)
    return View(settings, record_passes(settings, network), pinned, network)


def record_passes(settings: Settings, network: OpenedNetwork | None) -> dict[str, Probe]:
    """Cell → its recorded pass. Raises as `record_view`."""
    if network is not None:
        inputs = NOISE if settings.inputs == NOISE else None
        made = {network.network.cell: record_network(network.network, network_values(settings, network), inputs)}
        return {cell: look_at(probe, settings) for cell, probe in made.items()}
    configs = page_configs(settings)
    if not configs:
        raise ConfigError(f"cells was empty; choose at least one of {', '.join(CELLS)}.")
    return {config.cell: look_at(record_pass(config), settings) for config in configs}


def look_at(probe: Probe, settings: Settings) -> Probe:
    """The pass with the stack, layer and direction looked at that were chosen, where the network has them.

    Else with the stack before the outputs, and with its top layer.
    """
    stack = settings.stack if settings.stack in probe.whole.stacks else probe.stack
    return _look_at(probe, stack, settings.shown_layer, settings.direction == "backwards")


@lru_cache(maxsize=16)  # what has been computed of a pass is kept with it: the same choice is the same object
def _look_at(probe: Probe, stack: str | None, layer: int, backwards: bool) -> Probe:
    return (probe if stack == probe.stack else probe.of_stack(stack)).of_layer(layer, backwards)
