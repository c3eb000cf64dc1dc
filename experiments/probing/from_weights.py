"""One recorded pass of a network with given weights, on a task's inputs, on given inputs, or on noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.config.limits import MEMORY_LIMIT, check_memory
from experiments.config.run_config import RunConfig, parse_words
from experiments.config.wiring import OF_ONE_TASK, check_wiring
from experiments.config.words import shortened, spelt
from experiments.errors import ConfigError
from experiments.probing.given_network import GivenNetwork, TrainedNetwork
from experiments.probing.probe import Probe
from experiments.tasks import Task, make_task
from experiments.tasks.given_inputs import GivenInputs, draw_noise, parse_noise, read_inputs
from experiments.training.batches import DTYPES, draw_batch
from experiments.training.build import Experiment, generators, initialise_
from experiments.training.schedule import check_schedule
from experiments.weights import FoundStack


def weights_probe(stack: FoundStack, words: Sequence[str], inputs: str | None = None, source: str = "") -> Probe:
    """Record a file's stack under a readout that is drawn at random; the words' settings then act on its weights.

    Args:
        stack: what `read_weights` found.
        words: as `probe` takes them; cell and sizes are the file's.
        inputs: see `given_probe`.
        source: the file's name.

    Raises:
        ConfigError: see `given_probe`.
    """
    return given_probe(stack, parse_words(words), inputs, source)


def trained_probe(network: TrainedNetwork, values: Mapping[str, object], inputs: str | None = None) -> Probe:
    """Record a run's trained network on a fresh batch of its task; these settings first act on its weights.

    Args:
        network: what a recorded step found.
        values: `RunConfig` values; the others are the run's own, without those that made its first weights.
        inputs: see `given_probe`.

    Raises:
        ConfigError: see `given_probe`.
    """
    source = f"run {network.run} at step {network.step}"
    return given_probe(network, {**network.settings, **values}, inputs, source)


def given_probe(
    network: GivenNetwork,
    values: Mapping[str, object],
    inputs: str | None = None,
    source: str = "",
    limit: int = MEMORY_LIMIT,
) -> Probe:
    """Record a network with given weights, after the settings have changed them.

    `largest_singular_value`, `forget_bias`, `input_scale` and the like change the given weights, as they change drawn
    ones.

    Args:
        network: its cell, sizes and weights.
        values: `RunConfig` values; cell and sizes are the network's.
        inputs: `noise`, `noise:MEAN,DEVIATION` or a `.npy` file; None for the task's own.
        source: where the weights are from, in a few words.
        limit: bytes that the pass may need.

    Raises:
        ConfigError: values that contradict the network, inputs of another size, or too much memory.
    """
    config = config_for(network, without_other_tasks(network, values, inputs))
    config, task = with_inputs(config, network, inputs)
    if task.input_size != network.input_size:
        raise ConfigError(
            f"task was {config.task}, which has {task.input_size} inputs, and {network.spelt} reads "
            f"{network.input_size}; choose another task, or noise as inputs."
        )
    check_schedule(config)
    check_wiring(config, task)
    check_memory(config, task, limit)
    weights, data = generators(config.seed)
    model = network.model(task.output_size, weights, DTYPES[config.dtype])
    for recurrent in model.requires_grad_(False).stacks.values():
        initialise_(recurrent, config, task, weights)
    batch = draw_batch(config, task, config.batch_size, config.seq_len, data)
    experiment = Experiment(config, task, model.requires_grad_(True), batch.inputs, batch.targets, batch.lengths)
    return Probe(experiment, experiment.record(), source=source)


def without_other_tasks(
    network: GivenNetwork, values: Mapping[str, object], inputs: str | None
) -> Mapping[str, object]:
    """The values without those that a run has for its own task, where it reads something else."""
    trained = network.config if isinstance(network, TrainedNetwork) else None
    if trained is None or (inputs is None and values.get("task", trained.task) == trained.task):
        return values
    return {name: v for name, v in values.items() if name not in OF_ONE_TASK or v != getattr(trained, name)}


def config_for(network: GivenNetwork, values: Mapping[str, object]) -> RunConfig:
    """The values' configuration with the network's cell and sizes.

    Raises:
        ConfigError: a value that says otherwise than the network, or weights that would be drawn anew.
    """
    found = {
        "cell": network.cell,
        "hidden_size": network.hidden_size,
        "num_layers": network.num_layers,
        "bidirectional": network.bidirectional,
        **{name: value for name, value in network.options.items() if name in RunConfig.model_fields},
    }
    config = RunConfig.from_values({**values, **found})
    whose = "run" if isinstance(network, TrainedNetwork) else "file"
    for name in found.keys() & values.keys():
        if getattr(RunConfig.from_values({name: values[name]}), name) != getattr(config, name):
            raise ConfigError(
                f"{name} was {spelt(values[name])}; the {whose} has {shortened(found[name])}, so leave it out."
            )
    if config.initialisation != "default":
        raise ConfigError(f"initialisation was {config.initialisation!r}; a {whose} has its weights, so leave it out.")
    return config


def with_inputs(config: RunConfig, network: GivenNetwork, inputs: str | None) -> tuple[RunConfig, Task]:
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
        found = {"task": given.name, "seq_len": time, "batch_size": batch, "seq_len_schedule": "fixed"}
        return config.model_copy(update=found), given
    _, generator = generators(config.seed)
    noise = draw_noise((config.seq_len, config.batch_size, network.input_size), generator, *statistics)
    return config.model_copy(update={"task": "noise", "seq_len_schedule": "fixed"}), GivenInputs(noise)
