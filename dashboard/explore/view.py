"""Explore's settings with their recorded passes."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.clipping import Clipping, ClipRule
from analysis.profile import Profile
from dashboard.cache import record_pass
from dashboard.explore.configs import page_configs
from dashboard.explore.settings import Settings
from experiments.errors import ConfigError
from experiments.probing.probe import Probe
from models.cells.registry import CELLS


@dataclass(frozen=True, eq=False)
class View:
    """What is to be shown: everything on the page follows from it."""

    settings: Settings
    probes: Mapping[str, Probe]
    """Cell → its recorded pass."""
    clip_rule: ClipRule
    pinned: Settings | None
    """The settings kept as A."""

    def clip(self, probe: Probe) -> Clipping:
        """The parameter gradient before and after the clipping that is set."""
        return probe.clip(self.settings.clip_threshold, self.clip_rule)

    @property
    def clippings(self) -> Mapping[str, Clipping]:
        """Cell → the same."""
        return {cell: self.clip(probe) for cell, probe in self.probes.items()}

    def pinned_profiles(self) -> dict[str, Profile]:
        """Cell → the profile of the settings kept as A; none where nothing is."""
        if self.pinned is None:
            return {}
        return {config.cell: record_pass(config).profile for config in page_configs(self.pinned)}


def record_view(settings: Settings, pinned: Settings | None = None) -> View:
    """Record what the settings describe, one pass per chosen cell.

    Raises:
        ConfigError: no cell is chosen, or the first setting that is not allowed together with the others.
    """
    configs = page_configs(settings)
    if not configs:
        raise ConfigError(f"cells was empty; choose at least one of {', '.join(CELLS)}.")
    return View(settings, {config.cell: record_pass(config) for config in configs}, configs[0].clip_rule, pinned)
