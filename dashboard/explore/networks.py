"""The network that Explore looks at where it does not draw one: a run's at a recorded step, or a visitor's file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis.figures.theme import cell_name
from analysis.wording import counted
from dashboard.components.refusal import for_page
from dashboard.explore.control import Control
from dashboard.explore.found_controls import found_controls
from dashboard.explore.settings import CONTROLS, Settings, slide_in
from dashboard.explore.uploads import UPLOADS, Upload
from dashboard.server.checks import Value
from dashboard.train import jobs
from experiments.config.words import bare, cut, visible
from experiments.errors import ConfigError
from experiments.probing.given_network import GivenNetwork, TrainedNetwork, trained_network
from experiments.runs.folder import find_run
from experiments.runs.opening import open_run
from experiments.runs.store.description import CONFIG
from experiments.runs.store.layers import row_of
from models.bptt.threads import use_one_thread
from models.cells.registry import CELLS

MOST_WEIGHTS = 2**24
"""Numbers in the weights of a run that the page reads, as many as an uploaded file has at most."""
NAMING = tuple(name for name, control in CONTROLS.items() if control.names_network)
"""The settings that name a network: `run` and `step`, or `upload` and `layer`."""


@dataclass(frozen=True, eq=False)
class OpenedNetwork:
    """A network with weights of its own, and the page's controls over it."""

    network: GivenNetwork
    controls: Mapping[str, Control[Any]]
    """Name of a setting → its control, which begins where the network is."""
    naming: Mapping[str, Value]
    """The settings that name it."""
    title: str
    """What it is, as `trained: RUN at step 3001`; it may hold a stranger's text."""
    file: str = ""
    """Its file's name, where it is of one: a stranger's text."""
    layers: tuple[str, ...] = ()
    """The recurrent layers of its file, or the modules of a watched network, to choose from."""

    @property
    def start(self) -> dict[str, Value]:
        """The settings at which nothing of it is changed."""
        defaults = {name: control.default for name, control in self.controls.items()}
        return {**defaults, **self.naming}

    @property
    def fixed(self) -> str:
        """What no control changes, in a few words."""
        n = self.network
        directions = "both directions" if n.bidirectional else "one direction"
        sizes = f"{counted(n.num_layers, 'layer')}, {directions}, {counted(n.input_size, 'input')}"
        options = "".join(f", {name}={bare(value)}" for name, value in n.options.items())
        return f"{cell_name(n.cell)}{options}, {sizes}, {counted(n.hidden_size, 'hidden unit')}"

    @property
    def highest_norm(self) -> float:
        """The end of the singular value's slider."""
        return slide_in(self.controls, "largest_singular_value").highest

    @property
    def has_matrix(self) -> bool:
        """Whether its recurrence has a matrix, and so singular values."""
        return bool(CELLS[self.network.cell].recurrent_blocks)

    @property
    def has_readout(self) -> bool:
        """Whether its own readout is known, and not only its recurrent layers."""
        return isinstance(self.network, TrainedNetwork) and bool(self.network.readout)

    def reads_out(self, output_size: int) -> bool:
        """Whether its own readout has so many outputs; else a random one takes its place."""
        return isinstance(self.network, TrainedNetwork) and self.network.has_readout(output_size)

    @property
    def has_keep_gate(self) -> bool:
        """Whether a gate of its keeps the state."""
        return CELLS[self.network.cell].keep_gate is not None


def open_network(values: Mapping[str, Value]) -> OpenedNetwork | None:
    """The network that settings name; None for one that Explore draws itself.

    Raises:
        ConfigError: no such run, step, file or layer, or weights that cannot be opened, in one sentence.
    """
    run, step, upload, layer = (values.get(name, CONTROLS[name].default) for name in NAMING)
    if run:
        folder = find_run_folder(str(run))
        number = int(str(step)) or steps_of(folder)[-1]
        return _open_step(folder, (folder / CONFIG).stat().st_mtime_ns, number, int(str(layer)))
    if upload:
        return _open_layer(UPLOADS.find(str(upload)), str(upload), int(str(layer)))
    return None


def network_of(settings: Settings) -> OpenedNetwork | None:
    """The same of checked settings."""
    return open_network({name: getattr(settings, name) for name in NAMING})


def controls_of(opened: OpenedNetwork | None) -> Mapping[str, Control[Any]]:
    """The controls of the page over a network; its own table where it draws the network."""
    return CONTROLS if opened is None else opened.controls


def find_run_folder(name: str) -> Path:
    """The folder of a run. Raises a ConfigError that names no folder of the server."""
    try:
        folder = find_run(jobs.RUNS, name)
        if not (folder / CONFIG).is_file():
            raise ConfigError(f"run {folder.name} has no {CONFIG}, so it cannot be opened.")
    except ConfigError as error:
        raise ConfigError(for_page(error)) from None
    return folder


def steps_of(folder: Path) -> range:
    """The recorded steps of a run, one at least. Raises a ConfigError that names no folder of the server."""
    try:
        run = open_run(folder)
        every = run.form.record_every
        return range(1, 2 + row_of(run) * every, every)
    except ConfigError as error:
        raise ConfigError(for_page(error)) from None


@lru_cache(maxsize=8)
def _open_step(folder: Path, changed: int, step: int, layer: int) -> OpenedNetwork:
    """A run's network. The time at which the folder was described tells it from a later run of the same name.

    Of a watched network with several recurrent modules, `layer` says which.
    """
    use_one_thread()
    try:
        reader = open_run(folder)
        modules = list(reader.forms)
        if layer >= len(modules):
            raise ConfigError(f"layer was {layer}; the run has {counted(len(modules), 'recurrent module')}, from 0.")
        reader = reader.of(modules[layer])
        if reader.form.weight_count > MOST_WEIGHTS:
            raise ConfigError(
                f"run {reader.name} has {reader.form.weight_count:,} weights; the page opens networks of up to "
                f"{MOST_WEIGHTS:,}, so use the command probe."
            )
        network = trained_network(reader, step)
        naming: dict[str, Value] = {"run": network.run, "step": network.step, "upload": "", "layer": layer}
        layers = tuple(cut(visible(name)) for name in modules)
        title = title_of(network) + (f", {layers[layer]}" if len(layers) > 1 else "")
        return OpenedNetwork(network, found_controls(network), naming, title, layers=layers)
    except ConfigError as error:
        raise ConfigError(for_page(error)) from None


def title_of(network: TrainedNetwork) -> str:
    """What a trained network is, in a few words."""
    return f"trained: {network.run} at step {network.step:,}"


@lru_cache(maxsize=8)
def _open_layer(upload: Upload, key: str, layer: int) -> OpenedNetwork:
    use_one_thread()
    layers = tuple(cut(visible(stack.name)) for stack in upload.stacks)
    if layer >= len(layers):
        raise ConfigError(f"layer was {layer}; the file has {counted(len(layers), 'recurrent layer')}, from 0.")
    stack = upload.stacks[layer]
    title = f"yours: {cut(visible(upload.name))}" + (f", layer {layers[layer]}" if stack.name else "")
    naming: dict[str, Value] = {"run": "", "step": 0, "upload": key, "layer": layer}
    return OpenedNetwork(stack, found_controls(stack), naming, title, visible(upload.name), layers)
