"""The allowed combinations of networks, heads, attention and tasks.

network           head   dense_size   start   attention   features   bidirectional   truncate   tasks
sequence          yes    head=dense   yes     no          no         yes             yes        all
encoder_decoder   no     no           no      yes         no         no              no         with a source
one_to_many       no     no           no      yes         yes        no              no         with a picture

setting                     goes with
head=attention, mean        a loss at the last timestep: the head gives one answer
truncate_kind=window        one reading direction; penalty_weight=0, since Ω needs one gradient per state
start=carried               task=next_character, one reading direction
seq_len_schedule=mixed      no source, a target per sequence or at every timestep, start=zero or learned
clip_rule=per_step          penalty_weight=0, floss_steps=0
floss_steps                 network=sequence, one layer, one direction
spectral_radius             no other setting of the spectrum: it scales the matrix as it was drawn
largest_singular_value      spectrum_shape or singular_values
delay                       task=delayed_xor with seq_len > 2 delays
data_file                   task=series or sentiment
data_column                 task=series
reverse_source              task=translation
"""

from experiments.config.run_config import RunConfig
from experiments.config.words import LONGEST_PATH, bare, shortened, spelt
from experiments.errors import ConfigError
from experiments.tasks import WITH_PICTURE, WITH_SOURCE, Task
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS

WIRING = ("head", "dense_size", "start", "attention", "features", "bidirectional", "truncate")
"""Fields that some networks do not have."""
SINGULAR = ("largest_singular_value", "singular_values", "spectrum_shape")
"""Settings of singular values, which a spectral radius would change again."""
OF_DATA = ("series", "sentiment")
"""Tasks that read a file of the user's own data."""
OF_ONE_TASK = ("reverse_source", "delay", "data_file", "data_column")
"""Fields that are refused where the task is not theirs."""
WHOLE = ("attention", "mean")
"""Heads that give one answer about all timesteps."""


def check_wiring(config: RunConfig, task: Task) -> None:
    """Raise ConfigError unless the network fits the task and all settings.

    Raises:
        ConfigError: the first field that does not fit, its value, and what it needs.
    """
    _check_network(config, task)
    _check_start(config, task)
    _check_schedule(config, task)
    _check_fields_of_one_task(config, task)
    _check_passes(config)
    _check_flossing(config)
    _check_spectrum(config)
    _check_head(config, task)


def _check_network(config: RunConfig, task: Task) -> None:
    network = NETWORKS[config.network]
    for name in WIRING:
        value = getattr(config, name)
        if name not in network.takes and value != RunConfig.model_fields[name].default:
            allowed = [known for known, kind in NETWORKS.items() if name in kind.takes]
            raise ConfigError(f"{name} was {spelt(value)}; it works only with network={' or '.join(allowed)}.")
    if network.needs_source and task.source(config.seq_len) is None:
        raise ConfigError(
            f"network was {config.network!r}, but task={task.name} has no source and target; choose "
            f"task={' or '.join(WITH_PICTURE if network.needs_picture else WITH_SOURCE)}."
        )
    if network.needs_picture and not task.shows_picture:
        raise ConfigError(
            f"network was {config.network!r}, but task={task.name} shows no picture; choose "
            f"task={' or '.join(WITH_PICTURE)}."
        )


def _check_start(config: RunConfig, task: Task) -> None:
    if config.start == "carried" and task.name != "next_character":
        raise ConfigError(
            "start was 'carried'; it needs a text that continues from batch to batch: choose start=zero or "
            "task=next_character."
        )
    if config.start == "carried" and config.bidirectional:
        raise ConfigError(
            "start was 'carried'; it cannot be combined with bidirectional=true: choose start=zero or "
            "bidirectional=false."
        )


def _check_schedule(config: RunConfig, task: Task) -> None:
    if config.seq_len_schedule == "mixed" and config.start == "carried":
        raise ConfigError(
            "seq_len_schedule was 'mixed'; it cannot be combined with start=carried: choose seq_len_schedule=fixed or "
            "start=zero."
        )
    if config.seq_len_schedule == "mixed" and task.source(config.seq_len) is not None:
        raise ConfigError(
            f"seq_len_schedule was 'mixed'; task={task.name} has a source and a target: choose seq_len_schedule=fixed "
            "or another task."
        )


def _check_fields_of_one_task(config: RunConfig, task: Task) -> None:
    if config.reverse_source and task.name != "translation":
        raise ConfigError("reverse_source was true; it works only with task=translation.")
    if config.delay is not None and task.name != "delayed_xor":
        raise ConfigError(f"delay was {config.delay}; it works only with task=delayed_xor.")
    if config.delay is not None and config.seq_len <= 2 * config.delay:
        most = (config.seq_len - 1) // 2
        raise ConfigError(
            f"delay was {config.delay}; two delays do not fit in seq_len={config.seq_len}: choose "
            f"{f'a delay of at most {most}' if most else 'no delay'}, or a seq_len of at least {2 * config.delay + 1}."
        )
    if config.data_file is not None and task.name not in OF_DATA:
        raise ConfigError(
            f"data_file was {shortened(config.data_file, LONGEST_PATH)}; it works only with "
            f"task={' or '.join(OF_DATA)}."
        )
    if config.data_column is not None and task.name != "series":
        raise ConfigError(f"data_column was {shortened(config.data_column)}; it works only with task=series.")


def _check_passes(config: RunConfig) -> None:
    windowed = config.truncate is not None and config.truncate_kind == "window"
    if windowed and config.bidirectional:
        raise ConfigError(
            "truncate_kind was 'window'; it cannot be combined with bidirectional=true: choose truncate_kind=blocks."
        )
    if windowed and config.penalty_weight:
        raise ConfigError(
            f"truncate_kind was 'window'; it cannot be combined with penalty_weight={config.penalty_weight:g}: choose "
            "penalty_weight=0 or truncate_kind=blocks."
        )
    if config.clip_rule == "per_step":
        for name in ("penalty_weight", "floss_steps"):
            if value := getattr(config, name):
                raise ConfigError(
                    f"clip_rule was 'per_step'; it cannot be combined with {name}={value:g}: choose {name}=0 or "
                    "clip_rule=norm."
                )


def _check_flossing(config: RunConfig) -> None:
    states = len(CELLS[config.cell].state_names) * config.hidden_size
    if config.floss_steps and (config.network != "sequence" or config.num_layers > 1 or config.bidirectional):
        raise ConfigError(
            f"floss_steps was {config.floss_steps}; it works only with network=sequence, one layer and one direction."
        )
    if config.floss_steps and config.floss_exponents > states:
        raise ConfigError(
            f"floss_exponents was {config.floss_exponents}; it must be at most {states}, the state's size."
        )


def _check_spectrum(config: RunConfig) -> None:
    also = next((name for name in SINGULAR if getattr(config, name) != RunConfig.model_fields[name].default), None)
    if config.spectral_radius is not None and also is not None:
        raise ConfigError(
            f"spectral_radius was {config.spectral_radius:g}; it cannot be combined with "
            f"{also}={bare(getattr(config, also))}: leave one of them out."
        )


def _check_head(config: RunConfig, task: Task) -> None:
    if config.dense_size is not None and config.head != "dense":
        raise ConfigError(f"dense_size was {config.dense_size}; it works only with head=dense.")
    position = config.loss_position or task.default_loss_position
    if config.head in WHOLE and (position == "every" or task.source(config.seq_len) is not None):
        raise ConfigError(
            f"head was {config.head!r}; it gives one answer per sequence, but task={task.name} asks for more than one: "
            "choose a task with one answer, or head=linear."
        )
