"""What the pages call the options that several of them offer: option → words."""

from collections.abc import Mapping

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
    "ball": "Ball in a box",
    "video": "A digit that bounces",
    "series": "Next value of a series",
    "next_character": "Next character",
}
NETWORK_WORDS: Mapping[str, str] = {"sequence": "one sequence", "encoder_decoder": "encoder and decoder"}
HEAD_WORDS: Mapping[str, str] = {"dense": "dense layer", "mean": "mean over time"}
TEXT_WORDS: Mapping[str, str] = {"hello": "The word hello", "pydoc": "Python's help topics"}
"""Texts that everybody may name; a path of a file only where the server opens files (`serving.opens_files`)."""
CLIP_RULE_WORDS: Mapping[str, str] = {
    "norm": "global norm",
    "value": "each value",
    "per_parameter": "norm per parameter",
    "squared_norm": "squared norm",
}
INITIALISATION_WORDS: Mapping[str, str] = {
    "default": "uniform (torch's default)",
    "orthogonal": "orthogonal",
    "gaussian": "Gaussian",
    "identity": "identity",
}


def name_options(options: list[str], words: Mapping[str, str]) -> dict[str, str]:
    """Option → its words; an option without words keeps its own name."""
    return {option: words.get(option, option.replace("_", " ")) for option in options}
