"""The one table of Explore's settings. Widgets, links, checks, defaults and the words of a comparison come from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_args

from analysis.clipping import CLIP_RULES
from analysis.figures.theme import cell_name
from dashboard.explore.control import (
    Control,
    Name,
    NumberList,
    OneOf,
    Slide,
    SomeOf,
    Switch,
    TextFile,
    Whole,
    control,
    control_of,
)
from dashboard.option_words import (
    CLIP_RULE_WORDS,
    FEATURES_WORDS,
    HEAD_WORDS,
    INITIALISATION_WORDS,
    LENGTHS_WORDS,
    NETWORK_WORDS,
    START_WORDS,
    TASK_WORDS,
    TEXT_WORDS,
    group_cells,
    group_tasks,
    name_options,
)
from dashboard.server.checks import Value
from dashboard.server.visitor import TOKEN
from experiments.config.listed import GATE_BLOCKS
from experiments.config.run_config import RunConfig
from experiments.runs.folder import NAME
from experiments.tasks import TASKS, WITH_SOURCE
from models.cells.elman.step import NONLINEARITIES
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS

LONGEST = 1000
"""The most timesteps on the page; longer sequences are for the command line."""
MOST_UNITS = 512
LARGEST_SINGULAR_VALUE = 3.0

DIAGNOSIS = "Diagnosis"
SPECTRUM = "Spectrum"
CELL_STATE = "Cell state"
HIDDEN = "Hidden states"
PANEL_NAMES = (
    "Wave", HIDDEN, CELL_STATE, "Gates", SPECTRUM, "Jacobians", "Lyapunov exponents", "Fixed points", "Credit",
    "Inputs", "Paths", "Clipping", DIAGNOSIS,
)  # fmt: skip
NOISE = "noise"
LARGEST_STEP, MOST_LAYERS = 10_000_000, 10_000
HEARD = "what the loss hears"
OVERLAYS = ("bound", "direct gradient", "mean-field rate", "Lyapunov rate", HEARD)
SHAPES = {
    "kept": "As initialised",
    "equal": "Orthogonal",
    "gaussian": "Gaussian",
    "linear": "Linear",
    "outlier": "One outlier",
}


def _options(field: str) -> list[str]:
    """The words that a field of `RunConfig` allows."""
    return [*get_args(RunConfig.model_fields[field].annotation)]


def _own_words(options: Iterable[str]) -> dict[str, str]:
    """Options that are words already."""
    return {option: option for option in options}


_GROUPS = group_tasks(TASKS)
_TASKS = name_options([*_GROUPS], TASK_WORDS)
_INPUTS = {**_TASKS, NOISE: "Noise"}
_CELL_GROUPS = group_cells()
_CELLS = {cell: cell_name(cell) for cells in _CELL_GROUPS.values() for cell in cells}
_CELL_HELP = " ".join(
    f"{group.capitalize()}: {', '.join(map(cell_name, cells))}." for group, cells in _CELL_GROUPS.items()
)
_LOSSES = {"task": "task default", "last": "last step only", "every": "every step"}
_INITIALISATIONS = name_options([w for w in _options("initialisation") if w != "chrono"], INITIALISATION_WORDS)
_GATES = {
    block: f"{cell_name(next(c for c in CELLS if block in CELLS[c].recurrent_blocks))} {block}" for block in GATE_BLOCKS
}
_DIRECTIONS = _own_words(("forwards", "backwards"))
_STACKS = {"outputs": "the one before the outputs", "encoder": "encoder", "decoder": "decoder"}
_ATTENTIONS = {"none": "none", "dot": "dot product", "bahdanau": "Bahdanau"}
_FEATURES = name_options(_options("features"), FEATURES_WORDS)
_ACTS = {"none": "no change", "zero": "to zero", "set": "to a value", "shift": "by a value"}
_TRUNCATIONS = {"blocks": "blocks", "window": "sliding windows"}
_CLIP_RULES = name_options([*CLIP_RULES], CLIP_RULE_WORDS)


# fmt: off
@dataclass(frozen=True)
class Settings:
    """Everything on Explore follows from these. A control has its label, its default, what is allowed, and its help."""

    run: str = control(Name("Run", "", NAME, "the name of a run, not a path", names_network=True))
    step: int = control(Whole("Recorded step", 0, 0, LARGEST_STEP, names_network=True))
    upload: str = control(Name("Uploaded file", "", TOKEN, "a file that was uploaded here", names_network=True))
    layer: int = control(Whole("Layer of the file", 0, 0, MOST_LAYERS, names_network=True))
    inputs: str = control(OneOf("Inputs", NOISE, _INPUTS, help=(
        "Sequences of a task with as many inputs as the network has, or noise: independent normal numbers.")))

    task: str = control(OneOf("Task", "adding", _TASKS, groups=_GROUPS))
    text_file: str = control(TextFile("Text", "hello", TEXT_WORDS))
    reverse_source: bool = control(Switch("Reverse the source", False))
    delay: int = control(Whole("Delay", 0, 0, LONGEST // 2, help=(
        "d timesteps: each answer compares the bits of d and 2 d timesteps ago. 0: a third of the sequence length.")))
    cells: tuple[str, ...] = control(SomeOf("Cells", ["elman", "lstm", "gru"], _CELLS, help=_CELL_HELP))
    network: str = control(OneOf("Network", "sequence", name_options([*NETWORKS], NETWORK_WORDS), help=(
        "An encoder and a decoder need a task with a source and a target, such as Reversal. A picture and a decoder "
        "need a task with pictures.")))
    head: str = control(OneOf("Head", "linear", name_options(_options("head"), HEAD_WORDS), help=(
        "Where the outputs come from. Attention and the mean use all timesteps for one answer.")))
    start: str = control(OneOf("Start state", "zero", name_options(_options("start"), START_WORDS), help=(
        "The state before the first timestep. A learned one begins at zero. In the task Next character, "
        "a sequence can begin where the last one ended.")))
    attention: str = control(OneOf("Attention", "none", _ATTENTIONS))
    features: str = control(OneOf("Features of the picture", "start", _FEATURES))
    stack: str = control(OneOf("Stack", "outputs", _STACKS, is_view=True, help=(
        "The part of the network that the charts show.")))
    shown_layer: int = control(Whole("Layer shown", 0, 0, MOST_LAYERS, is_view=True))
    direction: str = control(OneOf("Direction shown", "forwards", _DIRECTIONS, is_view=True))
    seq_len_schedule: str = control(OneOf("Lengths", "fixed", LENGTHS_WORDS, help=(
        "Unequal: the first sequence of a batch has the full length, and the others have random ones. Padding never "
        "counts.")))
    seq_len_min: int = control(Whole("Shortest sequence", 10, 1, LONGEST))
    loss_position: str = control(OneOf("Loss at", "task", _LOSSES))
    hidden_size: int = control(Whole("Hidden units", 64, 1, MOST_UNITS))
    batch_size: int = control(Whole("Batch size", 16, 1, 256))
    num_layers: int = control(Whole("Layers", 1, 1, 8))
    seed: int = control(Whole("Seed", 0, 0, 2**31))
    initialisation: str = control(OneOf("Initial weights", "default", _INITIALISATIONS, help=(
        "How the weights are drawn. Then each recurrent block is scaled to the largest singular value that you set.")))
    nonlinearity: str = control(OneOf("Elman's nonlinearity", "tanh", _own_words(NONLINEARITIES)))
    bidirectional: bool = control(Switch("Bidirectional", False))
    truncate_kind: str = control(OneOf("Truncate by", "blocks", _TRUNCATIONS, help=(
        "Blocks: the gradient stops at the end of each block. Sliding windows: each loss goes back over the last steps "
        "only.")))
    clip_rule: str = control(OneOf("Clip by", "norm", _CLIP_RULES))
    dtype: str = control(OneOf("Number format", "float32", _own_words(_options("dtype"))))

    largest_singular_value: float = control(Slide("Largest singular value", 1.0, 0, LARGEST_SINGULAR_VALUE, 0.01, help=(
        "The largest singular value of each recurrent block. Below 1 the gradient of a tanh network must vanish. "
        "Above 1 it may explode.")))
    seq_len: float = control(Slide("Sequence length", 100.0, 1, LONGEST, 1, help=(
        "The length of a sequence. Some tasks add timesteps to it, such as a question; the charts have them all.")))
    forget_bias: float = control(Slide("Forget-gate bias", 0.0, -5, 8, 0.1, help=(
        "Bias of the gate that keeps or forgets the state: the LSTM's forget gate f, the GRU's update gate z.")))
    clip_threshold: float = control(Slide("Clip threshold", 1.0, 1e-3, 1e6, 0.05, logarithmic=True, most="none", help=(
        "A gradient with a larger norm is scaled down to this norm. None: it stays as it is.")))
    input_scale: float = control(Slide("Input scale", 1.0, 0, 10, 0.1, help=(
        "Factor on the input weights. Large inputs saturate the units.")))
    truncate: float = control(Slide("Truncate after", 0.0, 0, LONGEST, 1, least="never", help=(
        "Truncated BPTT: the gradient stops after this many steps. Never: it runs back to the first input.")))

    spectrum_shape: str = control(OneOf("Spectrum shape", "kept", SHAPES))
    singular_values: str = control(NumberList("Singular values", "", 0, LARGEST_SINGULAR_VALUE, MOST_UNITS))
    spectrum_blocks: tuple[str, ...] = control(SomeOf("Gates to change", [], _GATES, help=(
        "Only the recurrent blocks of these gates get the singular values. Choose none to change all blocks.")))
    overlays: tuple[str, ...] = control(SomeOf("Also show", ["bound"], _own_words(OVERLAYS), is_view=True))
    act: str = control(OneOf("Change a state", "none", _ACTS, is_view=True, help=(
        "Change the state of one unit after one timestep, in every sequence, and see how the loss changes.")))
    act_at: int = control(Whole("After timestep", 1, 1, LONGEST, is_view=True))
    act_unit: int = control(Whole("Unit", 1, 1, MOST_UNITS, is_view=True))
    act_value: float = control(Slide("Value", 1.0, -10, 10, 0.1, is_view=True))
    alone: bool = control(Switch("Full screen", False, is_view=True, help=(
        "Show only the chosen panel, as large as the window, below the sliders.")))
    panel: str = control(OneOf("Details", "Wave", _own_words(PANEL_NAMES), is_view=True))
    # fmt: on

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Self:
        """These settings, and the defaults of all others. Each value must be one that `read_settings` allows."""
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**fields)

    @property
    def is_drawn(self) -> bool:
        """Whether the page draws the networks itself, and no run's or file's is opened."""
        return not (self.run or self.upload)

    @property
    def threshold(self) -> float | None:
        """The threshold of clipping; None for no clipping."""
        return None if self.clip_threshold == slide_of("clip_threshold").highest else self.clip_threshold

    def as_values(self) -> dict[str, Value]:
        """Name → value as widgets, links and JSON have it."""
        return {name: [*v] if isinstance(v, tuple) else v for name, v in vars(self).items()}


OF_NETWORK: Mapping[str, tuple[str, ...]] = {
    "sequence": ("head", "start"),
    "encoder_decoder": ("attention", "stack"),
    "one_to_many": ("attention", "features"),
}
"""Network → the settings that only it has."""
OF_TASK: Mapping[str, tuple[str, ...]] = {
    "next_character": ("text_file",),
    "translation": ("reverse_source",),
    "delayed_xor": ("delay",),
}
"""Task → the settings that only it has."""
OF_ONE_SEQUENCE = ("seq_len_schedule",)
"""Settings of the tasks without a source and a target."""
OF_SCHEDULE: Mapping[str, tuple[str, ...]] = {
    "fixed": (),
    **dict.fromkeys(("mixed", "ranged", "curriculum"), ("seq_len_min",)),
}
"""Schedule → the settings that only it has."""


OF_SOME = frozenset(
    name
    for names in (*OF_NETWORK.values(), *OF_TASK.values(), OF_ONE_SEQUENCE, *OF_SCHEDULE.values())
    for name in names
)
"""Settings that only some networks or tasks have; the widgets of the others are not shown."""


def settings_of_task(task: str, schedule: str) -> tuple[str, ...]:
    """The settings that apply to a task, and to the lengths of its sequences."""
    lengths = () if task in WITH_SOURCE else (*OF_ONE_SEQUENCE, *OF_SCHEDULE.get(schedule, ()))
    return (*OF_TASK.get(task, ()), *lengths)


CONTROLS: Mapping[str, Control[Any]] = {field.name: control_of(field) for field in fields(Settings)}
"""Name of a setting → its control."""


def slide_of(name: str) -> Slide:
    """The control of a setting that is dragged. Raises as `slide_in`."""
    return slide_in(CONTROLS, name)


def slide_in(controls: Mapping[str, Control[Any]], name: str) -> Slide:
    """The same in another table.

    Raises:
        KeyError: the setting is not dragged.
    """
    shown = controls[name]
    if not isinstance(shown, Slide):
        raise KeyError(name)
    return shown
