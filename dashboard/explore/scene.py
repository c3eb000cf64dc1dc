"""Explore at one state of its settings: the recorded passes and what acts after them."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.clipping import Clipping, ClipRule
from analysis.profile import Profile
from dashboard.cache import recorded
from dashboard.explore.controls import configs, run_values
from dashboard.server.checks import Value
from experiments.errors import ConfigError
from experiments.probing.probe import Probe
from models.cells.registry import CELLS


@dataclass(frozen=True, eq=False)
class Scene:
    """What is to be shown: everything on the page follows from it."""

    state: Mapping[str, Value]
    probes: Mapping[str, Probe]
    """Cell → its recorded pass."""
    threshold: float
    rule: ClipRule
    pinned: Mapping[str, Value] | None
    """The state kept as A."""

    def clip(self, probe: Probe) -> Clipping:
        """The parameter gradient before and after the clipping that is set."""
        return probe.clip(self.threshold, self.rule)

    def pinned_profiles(self) -> dict[str, Profile]:
        """Cell → the profile of the state kept as A; none where nothing is."""
        if self.pinned is None:
            return {}
        return {config.cell: recorded(config).profile for config in configs(run_values(self.pinned))}


def scene(state: Mapping[str, Value], pinned: Mapping[str, Value] | None) -> Scene:
    """Record what the settings describe, one pass per chosen cell.

    Args:
        state: all settings, each of them checked (`state.check`).
        pinned: the same of the state kept as A.

    Raises:
        ConfigError: no cell is chosen, or the first setting that is not allowed together with the others.
    """
    chosen = configs(run_values(state))
    if not chosen:
        raise ConfigError(f"cells was empty; choose at least one of {', '.join(CELLS)}.")
    threshold = state["clip_threshold"]
    assert isinstance(threshold, float)
    probes = {config.cell: recorded(config) for config in chosen}
    return Scene(state, probes, threshold, chosen[0].clip_rule, pinned)
