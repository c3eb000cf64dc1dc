"""The state of Sweeps' form: the settings of a new sweep with their values, and what it is called."""

from collections.abc import Mapping

from dashboard.explore.control import OneOf, Text, Whole
from dashboard.explore.settings import CONTROLS as OF_EXPLORE
from dashboard.kept import Kept
from dashboard.train.controls import CONTROLS as OF_TRAIN
from experiments.config.run_config import RunConfig
from experiments.config.words import bare

FIELDS = (
    "task", "cell", "largest_singular_value", "seq_len", "hidden_size", "forget_bias", "input_scale", "clip_threshold",
    "clip_rule", "truncate", "truncate_kind", "initialisation", "gain", "spectral_radius", "nonlinearity", "biases",
    "input_bias", "num_layers", "bidirectional", "loss_position", "batch_size", "head", "start", "optimiser",
    "learning_rate", "steps", "penalty_weight", "floss_steps", "record_every", "dtype",
)  # fmt: skip
"""Fields of `RunConfig` that the form offers; the TOML text takes all."""
OF_TRAININGS = ("optimiser", "learning_rate", "steps", "penalty_weight", "floss_steps", "record_every")
"""Those that change no single pass."""
FIRST = "cell=elman,gru;largest_singular_value=0.5,1,2;seq_len=25,50,100;hidden_size=32"
EXAMPLES: Mapping[str, str] = {
    "task": "adding", "cell": "elman,lstm,gru", "largest_singular_value": "0.5,1,2", "seq_len": "25,50,100",
    "forget_bias": "0,1,3", "clip_threshold": "0.1,1,none", "learning_rate": "0.001,0.01,0.1", "steps": "1000",
    "truncate": "10,none", "input_scale": "0.1,1", "gain": "0.5,1,2",
}  # fmt: skip
"""Field → the values that it begins with; for others their default."""

OTHER_WORDS: Mapping[str, Mapping[str, str]] = {
    "bidirectional": {"false": "no", "true": "yes"},
    "loss_position": {"none": "task default", "last": "last step only", "every": "every step"},
}
"""Field → option → its words, where a run spells its options in another way than Explore."""
SMALL = """name = "my_sweep"
kind = "probe"  # one recorded pass per run; "run" trains
seeds = 2

[fixed]
hidden_size = 32

[axes]
cell = ["elman", "gru"]
largest_singular_value = [0.5, 1.0, 2.0]
seq_len = [25, 50, 100]

[show]
value = "decay_rate"
rows = "seq_len"
columns = "largest_singular_value"
"""
"""The TOML text that the page begins with."""

NEW = Kept(
    "new-sweep",
    {
        "new_as": OneOf("Describe it", "form", {"form": "in a form", "toml": "as TOML"}),
        "new_name": Text("Name of the sweep", "my_sweep", 100),
        "new_kind": OneOf("Each run is", "probe", {"probe": "one recorded pass", "run": "a training"}),
        "new_seeds": Whole("Seeds", 2, 1, 100, help="Each combination of values runs once for each seed."),
        "new_values": Text("Values", FIRST, 2000),
        "new_toml": Text("Sweep, as TOML", SMALL, 4000),
    },
)


def read_values_text(text: str) -> dict[str, str]:
    """Field → its values as a text, from `cell=elman,gru;seq_len=25,50`; other fields are left out."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {field: values for field, _, values in pairs if field in FIELDS}


def write_values_text(values: Mapping[str, str]) -> str:
    """The same text again."""
    return ";".join(f"{field}={text.replace(';', ',')}" for field, text in values.items())


def first_values(field: str) -> str:
    """The values that a setting begins with."""
    return EXAMPLES.get(field, bare(RunConfig.model_fields[field].default))


def option_words(field: str) -> Mapping[str, str] | None:
    """The words among which a setting chooses, option → as the page writes it; None for numbers."""
    shown = OF_TRAIN.get(field) or OF_EXPLORE.get(field)
    if field in OTHER_WORDS:
        return OTHER_WORDS[field]
    return shown.options if isinstance(shown, OneOf) else None
