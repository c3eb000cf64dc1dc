"""What the pages call the options that several of them offer: option → words."""

from collections.abc import Iterable, Mapping

from models.cells.registry import CELLS

TASK_WORDS: Mapping[str, str] = {
    "adding": "Adding two numbers",
    "temporal_order": "Temporal order",
    "copying": "Copying ten symbols",
    "multiplication": "Multiplying two numbers",
    "noiseless_memorisation": "Noiseless memorisation",
    "random_permutation": "Random permutation",
    "latch": "Latch",
    "parity": "Parity of every prefix",
    "delayed_xor": "Delayed exclusive or",
    "reversal": "Reversal",
    "translation": "Numbers into French",
    "france": "France … French",
    "sentiment": "Good or bad",
    "captioning": "Captions of pictures",
    "ball": "Ball in a box",
    "video": "A digit that bounces",
    "series": "Next value of a series",
    "next_character": "Next character",
}
TASK_GROUPS = ("classic", "language", "vision", "yours")
"""The groups in which the sidebar of Explore has the tasks."""
GROUP_OF_TASK: Mapping[str, str] = {
    **dict.fromkeys(("translation", "france", "sentiment", "next_character"), "language"),
    **dict.fromkeys(("captioning", "video", "ball"), "vision"),
    "series": "yours",
}
"""Task → its group; a task that is not here is a classic one."""
NETWORK_WORDS: Mapping[str, str] = {
    "sequence": "one sequence",
    "encoder_decoder": "encoder and decoder",
    "one_to_many": "picture and decoder",
}
FEATURES_WORDS: Mapping[str, str] = {"start": "start the state", "first_input": "are added to the first input"}
START_WORDS: Mapping[str, str] = {"carried": "carried from batch to batch"}
LENGTHS_WORDS: Mapping[str, str] = {"fixed": "all equal", "mixed": "unequal"}
"""Schedules of the sequences' lengths that change a batch."""
HEAD_WORDS: Mapping[str, str] = {"dense": "dense layer", "mean": "mean over time"}
TEXT_WORDS: Mapping[str, str] = {"hello": "The word hello", "pydoc": "Python's help topics"}
"""Texts that everybody may name; a path of a file only where the server opens files (`serving.opens_files`)."""
CLIP_RULE_WORDS: Mapping[str, str] = {
    "norm": "global norm",
    "value": "each value",
    "per_parameter": "norm per parameter",
    "squared_norm": "squared norm",
    "per_step": "inside BPTT",
}
INITIALISATION_WORDS: Mapping[str, str] = {
    "default": "uniform (torch's default)",
    "orthogonal": "orthogonal",
    "gaussian": "Gaussian",
    "identity": "identity",
    "irnn": "identity, zero biases",
}


def group_tasks(tasks: Iterable[str]) -> dict[str, str]:
    """Task → its group, group after group."""
    groups = {task: GROUP_OF_TASK.get(task, TASK_GROUPS[0]) for task in tasks}
    return dict(sorted(groups.items(), key=lambda item: TASK_GROUPS.index(item[1])))


def group_cells() -> dict[str, list[str]]:
    """What cells are → those that are it."""
    groups: dict[str, list[str]] = {"plain": [], "with a cell state": [], "with gates on h alone": []}
    for name, cell in CELLS.items():
        gated = "with gates on h alone" if cell.gate_names else "plain"
        groups["with a cell state" if "cell_state" in cell.state_names else gated].append(name)
    return groups


def name_options(options: list[str], words: Mapping[str, str]) -> dict[str, str]:
    """Option → its words; an option without words keeps its own name."""
    return {option: words.get(option, option.replace("_", " ")) for option in options}
