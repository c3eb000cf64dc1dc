"""One recorded pass of somebody's checkpoint: its recurrent layer on a task's inputs, on given ones, or on noise."""

from collections.abc import Sequence
from pathlib import Path

from experiments.config.limits import check_memory
from experiments.config.run_config import RunConfig, parse_words
from experiments.config.words import shortened, spelt
from experiments.errors import ConfigError
from experiments.probing.probe import Probe
from experiments.tasks import Task, make_task
from experiments.tasks.given_inputs import GivenInputs, draw_noise, parse_noise, read_inputs
from experiments.training.build import DTYPES, Experiment, generators, initialise_
from experiments.weights import FoundStack
from models import record


def weights_probe(stack: FoundStack, words: Sequence[str], inputs: str | None = None, source: str = "") -> Probe:
    """Record the stack under a readout that is drawn at random; the words' settings then act on its weights.

    `largest_singular_value`, `forget_bias`, `input_scale` and the like change the weights that were found, as they
    change drawn ones.

    Args:
        stack: what `read_weights` found.
        words: as `probe` takes them; cell and sizes are the file's.
        inputs: `noise`, `noise:MEAN,DEVIATION` or a `.npy` file; None for the task's own.
        source: the file's name.

    Raises:
        ConfigError: words that contradict the file, inputs of another size, or too much memory.
    """
    config = config_for(stack, words)
    config, task = with_inputs(config, stack, inputs)
    if task.input_size != stack.input_size:
        raise ConfigError(
            f"task was {config.task}, which has {task.input_size} inputs, and {stack.spelt} reads {stack.input_size}; "
            "choose another task, --inputs noise, or --inputs with a .npy file."
        )
    check_memory(config, task)
    weights, data = generators(config.seed)
    model = stack.model(task.output_size, weights, DTYPES[config.dtype])
    initialise_(model.recurrent.requires_grad_(False), config, task, weights)
    batch, targets = task.sample(config.batch_size, config.seq_len, data, DTYPES[config.dtype])
    experiment = Experiment(config, task, model.requires_grad_(True), batch, targets)
    return Probe(
        experiment,
        record(model, batch, experiment.loss, truncate=config.truncate, truncate_kind=config.truncate_kind),
        source=source,
    )


def config_for(stack: FoundStack, words: Sequence[str]) -> RunConfig:
    """The words' configuration with the file's cell and sizes.

    Raises:
        ConfigError: a word that says otherwise than the file, or weights that would be drawn anew.
    """
    found = {
        "cell": stack.cell,
        "hidden_size": stack.hidden_size,
        "num_layers": stack.num_layers,
        "bidirectional": stack.bidirectional,
        **stack.options,
    }
    values = parse_words(words)
    config = RunConfig.from_values({**values, **found})
    for name in found.keys() & values.keys():
        if getattr(RunConfig.from_values({name: values[name]}), name) != getattr(config, name):
            raise ConfigError(
                f"{name} was {spelt(values[name])}; the file has {shortened(found[name])}, so leave it out."
            )
    if config.initialisation != "default":
        raise ConfigError(f"initialisation was {config.initialisation!r}; a file has its weights, so leave it out.")
    return config


def with_inputs(config: RunConfig, stack: FoundStack, inputs: str | None) -> tuple[RunConfig, Task]:
    """The task that the inputs make, and the configuration with its name and sizes.

    Raises:
        ConfigError: inputs that cannot be read, or a text that cannot.
    """
    if inputs is None:
        return config, make_task(config)
    statistics = parse_noise(inputs)
    if statistics is None:
        given = GivenInputs(read_inputs(Path(inputs)))
        time, batch, _ = given.inputs.shape
        return config.model_copy(update={"task": given.name, "seq_len": time, "batch_size": batch}), given
    _, generator = generators(config.seed)
    noise = draw_noise((config.seq_len, config.batch_size, stack.input_size), generator, *statistics)
    return config.model_copy(update={"task": "noise"}), GivenInputs(noise)
