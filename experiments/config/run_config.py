"""`RunConfig`: all settings of a run, validated and frozen, and the run's id."""

import re
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from experiments.config.allowed import choices, refusal
from experiments.config.identity import FORMAT_VERSION, identity_of
from experiments.config.largest import LARGEST, LARGEST_WHOLE, Count
from experiments.config.listed import GATE_BLOCKS, SPELLINGS, as_text
from experiments.config.words import parse_words
from experiments.errors import ConfigError
from experiments.tasks import OWN_CLASS, TASKS, LossPosition
from models.bptt.truncation import TruncateKind
from models.cells.elman.step import NONLINEARITIES
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS


class RunConfig(BaseModel):
    """The settings of a run. Two equal configurations are the same run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    task: str = Field(
        "adding",
        json_schema_extra={"enum": [*TASKS]},
        description="The task that the network learns, or FILE.py:CLASS for a class of your own, at the command line.",
    )
    text_file: str = Field(
        "hello",
        min_length=1,
        examples=["hello", "pydoc", "the path of a text file"],
        description="The text of next_character: hello, pydoc (Python's help topics) or a file's path.",
    )
    data_file: str | None = Field(
        None,
        min_length=1,
        examples=["the path of a .npy or .csv file"],
        description="Your own data. For series: numbers, one row per timestep, in a .npy or .csv file, whose first row "
        "follows its last one; none uses two waves. For sentiment: a .csv file with the columns text and label; none "
        "makes the sentences.",
    )
    data_column: str | None = Field(
        None,
        min_length=1,
        examples=["the name or number of a column"],
        description="The column of a series that is predicted from the others at the same timestep; none predicts the "
        "first column's next value.",
    )
    seq_len: int = Field(100, ge=1, le=100_000, description="Timesteps T of a sequence; copying makes T + 20 of them.")
    seq_len_schedule: Literal["fixed", "ranged", "curriculum", "mixed"] = Field(
        "fixed",
        description="Timesteps of each batch. fixed: seq_len; ranged: random from seq_len_min to seq_len; "
        "curriculum: growing from seq_len_min to seq_len over the first half of the steps; mixed: seq_len for the "
        "first sequence, random for each other one, with padding that counts nowhere.",
    )
    seq_len_min: int = Field(10, ge=1, le=100_000, description="The fewest timesteps of a schedule that is not fixed.")
    batch_size: int = Field(16, ge=1, le=4096, description="Sequences per batch.")
    loss_position: LossPosition | None = Field(
        None, description="Timesteps in the loss: the last or every one; none uses the task's default."
    )
    reverse_source: bool = Field(
        False, description="Whether the source of translation is reversed, its last word first."
    )
    delay: int | None = Field(
        None, ge=1, le=50_000, description="Timesteps d between bits of delayed_xor; none uses a third of seq_len."
    )

    cell: str = Field(
        "lstm",
        json_schema_extra={"enum": [*CELLS]},
        description="The recurrent cell; mut1 and mut2 project inputs whose size is not hidden_size.",
    )
    nonlinearity: str = Field(
        "tanh",
        json_schema_extra={"enum": [*NONLINEARITIES]},
        description="Activation of the Elman cell; most other cells do not use it.",
    )
    reset_after: bool = Field(
        True,
        description="Whether the GRU resets after the recurrent product (torch) or before it (Cho et al. 2014).",
    )
    hidden_size: int = Field(64, ge=1, le=4096, description="Hidden units per layer.")
    num_layers: int = Field(1, ge=1, le=16, description="Number of layers.")
    bidirectional: bool = Field(False, description="Whether a second set of cells reads the sequence from its end.")

    network: str = Field(
        "sequence",
        json_schema_extra={"enum": [*NETWORKS]},
        description="Network: one stack over the sequence, an encoder and a decoder for a source and its target, or "
        "a decoder that describes a picture.",
    )
    head: Literal["linear", "dense", "attention", "mean"] = Field(
        "linear",
        description="Readout of the top layer. linear and dense (one more layer) answer at each timestep; "
        "attention and mean read all timesteps for one answer.",
    )
    dense_size: int | None = Field(
        None, ge=1, le=4096, description="Units of the dense head's layer; none uses as many as the head reads."
    )
    start: Literal["zero", "learned", "carried"] = Field(
        "zero",
        description="The state before the first timestep: zero; learned like the weights; or carried on from the batch "
        "before, whose text goes on (next_character).",
    )
    attention: Literal["dot", "bahdanau"] | None = Field(
        None, description="Attention of a decoder over the source or the picture's places: dot, bahdanau or none."
    )
    features: Literal["start", "first_input"] = Field(
        "start",
        description="Where the features of a picture go in one_to_many: they start the state, or are the first input.",
    )

    initialisation: Literal["default", "orthogonal", "identity", "gaussian", "chrono", "irnn"] = Field(
        "default",
        description="Initial recurrent weights; default is torch's uniform ±1/√hidden_size, irnn the identity with "
        "zero biases (Le et al. 2015).",
    )
    biases: float | None = Field(
        None, ge=-20, le=20, description="Initial bias of every unit and gate; none does not change them."
    )
    gain: float = Field(
        1.0, gt=0, description="Gain g of the Gaussian initialisation: standard deviation g/√hidden_size."
    )
    spectrum_shape: Literal["kept", "equal", "gaussian", "linear", "outlier"] = Field(
        "kept",
        description="Shape of the singular values that each recurrent block gets; it keeps its singular vectors.",
    )
    largest_singular_value: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Largest singular value to which each initial recurrent block is scaled; none does not scale it.",
    )
    spectral_radius: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Largest |eigenvalue| to which each recurrent block is scaled after initialisation; none does not.",
    )
    singular_values: str | None = Field(
        None,
        examples=["numbers from 0 to 100 such as 1.2,0.9,0"],
        description="Singular values of each recurrent block, one per unit, in the order of its singular vectors. They "
        "replace spectrum_shape, and are scaled to largest_singular_value if it is set.",
    )
    spectrum_blocks: str | None = Field(
        None,
        examples=[f"gates among {', '.join(GATE_BLOCKS)} such as f or i,g"],
        description="Gates whose recurrent blocks get the settings of the spectrum; none means all. The Elman cell has "
        "only one block.",
    )
    forget_bias: float | None = Field(
        None, ge=-20, le=20, description="Initial bias of the gate that keeps the state; none does not change it."
    )
    input_bias: float | None = Field(
        None, ge=-20, le=20, description="Initial bias of the input gate i; none does not change it."
    )
    input_scale: float = Field(1.0, ge=0, description="Factor on the initial input weights.")

    truncate: int | None = Field(
        None,
        ge=1,
        le=LARGEST_WHOLE,
        description="Truncated BPTT: most timesteps that a loss's gradient goes back; none means full BPTT.",
    )
    truncate_kind: TruncateKind = Field(
        "blocks",
        description="Kind of truncated BPTT. blocks: the gradient stops every truncate timesteps; window: each loss "
        "goes back over the latest truncate timesteps.",
    )
    clip_threshold: float | None = Field(
        None, gt=0, le=LARGEST, description="Threshold of gradient clipping; none means no clipping."
    )
    clip_rule: Literal["norm", "value", "per_parameter", "squared_norm", "per_step"] = Field(
        "norm",
        description="Rule of clipping. norm compares the norm of all gradients with the threshold; per_step clips "
        "inside BPTT, at each timestep, the gradient of the cell's preactivations (Graves 2013).",
    )
    penalty_weight: float = Field(
        0.0, ge=0, le=LARGEST, description="Weight of Pascanu's penalty Ω in the training's gradient; 0 means none."
    )
    floss_steps: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="First steps, which push Lyapunov exponents to 0 and learn nothing else.",
    )
    floss_exponents: int = Field(
        8, ge=1, le=4096, description="The number of leading Lyapunov exponents that floss_steps push to 0."
    )
    optimiser: Literal["sgd", "momentum", "adam", "rmsprop"] = Field(
        "adam", description="The optimiser, which turns gradients into steps."
    )
    learning_rate: float = Field(1e-3, gt=0, le=LARGEST, description="Size of the optimiser's steps.")
    steps: int = Field(6000, ge=1, le=10_000_000, description="Optimiser steps.")
    record_every: int = Field(10, ge=1, le=10_000_000, description="Optimiser steps between two recorded steps.")
    record_units: Count | str | None = Field(
        None,
        examples=["indices such as 0,3,17"],
        description="Units whose states and gates are kept: a number of units, spread evenly, or their indices. none "
        "keeps all, which the analyses of a recorded step need.",
    )
    record_samples: Count | str | None = Field(
        1,
        examples=["indices such as 0,3,17"],
        description="Sequences of the batch whose states and gates are kept: a number of sequences, spread evenly, or "
        "their indices; none keeps all.",
    )
    evaluate_every: int | None = Field(
        100,
        ge=1,
        le=LARGEST_WHOLE,
        description="Optimiser steps between two evaluations on new sequences; none means no evaluation.",
    )
    evaluate_size: int = Field(500, ge=1, le=100_000, description="New sequences per evaluation.")
    evaluate_at: str | None = Field(
        None,
        examples=["up to 8 values of seq_len such as 50,200,1000"],
        description="Other sequence lengths at which the network is evaluated when the run has taken its steps.",
    )
    stop_on_success: bool = Field(True, description="Whether a run ends when an evaluation solves the task.")
    on_nonfinite: Literal["stop", "skip", "continue"] = Field(
        "stop",
        description="Reaction to an Inf or NaN in the loss or gradient: stop the run, skip the update, or continue.",
    )

    seed: int = Field(0, ge=0, le=LARGEST_WHOLE, description="Seed of the random numbers for weights and sequences.")
    dtype: Literal["float32", "float64"] = Field("float32", description="Type of the network's floating point numbers.")
    device: str = Field(
        "cpu",
        pattern=r"^[a-z]{1,16}(:[0-9]{1,2})?$",
        examples=["a device in torch's words such as cpu, cuda or cuda:1"],
        description="Where a training computes; its recorded steps, and passes without training, are of the CPU.",
    )

    @field_validator("task", "cell", "nonlinearity", "network")
    @classmethod
    def _in_registry(cls, value: str, info: ValidationInfo) -> str:
        if info.field_name == "task" and OWN_CLASS.fullmatch(value):
            return value
        if value not in choices(cls.model_fields[str(info.field_name)]):
            raise ValueError("not in the registry")
        return value

    @field_validator("singular_values", "evaluate_at", "data_column", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return as_text(value)

    @field_validator("singular_values", "spectrum_blocks", "evaluate_at", "device")
    @classmethod
    def _in_one_spelling(cls, value: str | None, info: ValidationInfo) -> str | None:
        return None if value is None else SPELLINGS[str(info.field_name)](value)

    @field_validator("record_units", "record_samples")
    @classmethod
    def _is_selection(cls, value: int | str | None) -> int | str | None:
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,6}(,[0-9]{1,6})*,?", value):
            raise ValueError("not a list of indices")
        return value

    def identity(self, version: int = FORMAT_VERSION) -> str:
        """The run's id: 12 hexadecimal digits of the SHA-256 of all fields and a format version.

        The order of fields and words does not matter. A file counts by its path, not by its content.
        """
        return identity_of(
            dict(self), {name: field.default for name, field in type(self).model_fields.items()}, version
        )

    @classmethod
    def from_values(cls, values: dict[str, object]) -> Self:
        """The configuration with these values, and defaults for all other fields.

        Raises:
            ConfigError: the first thing wrong, in one sentence.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise refusal(cls, error) from None

    @classmethod
    def from_words(cls, words: Sequence[str]) -> Self:
        """The configuration from `key=value` words and TOML files; later ones win.

        Raises:
            ConfigError: the first thing wrong, in one sentence.
        """
        return cls.from_values(parse_words(words))


__all__ = ["FORMAT_VERSION", "ConfigError", "RunConfig", "parse_words"]
