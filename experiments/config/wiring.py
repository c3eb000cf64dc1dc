"""The allowed combinations of networks, heads, attention and tasks.

    network           head   dense_size   start   attention   features   bidirectional   truncate   tasks
    sequence          yes    head=dense   yes     no          no         yes             yes        all
    encoder_decoder   no     no           no      yes         no         no              no         with a source
    one_to_many       no     no           no      yes         yes        no              no         with a picture

A head of attention or mean gives one answer, so it goes with a loss at the last timestep. A window of truncated BPTT
goes with one reading direction, and not with the penalty Ω, which needs one gradient per state.

    clip_rule=per_step goes with penalty_weight=0. floss_steps go with one layer of network=sequence in one direction.

    spectrum                    goes with
    spectral_radius             none of the others: it scales the matrix as it was drawn
    largest_singular_value      spectrum_shape or singular_values
"""

from experiments.config.run_config import RunConfig
from experiments.config.words import LONGEST_PATH, shortened, spelt
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
    network = NETWORKS[config.network]
    for name in WIRING:
        value = getattr(config, name)
        if name not in network.takes and value != RunConfig.model_fields[name].default:
            allowed = [known for known, kind in NETWORKS.items() if name in kind.takes]
            raise ConfigError(
                f"{name} was {spelt(value)}, which network={config.network} does not have; it needs "
                f"network={' or '.join(allowed)}."
            )
    if network.needs_source and task.source(config.seq_len) is None:
        raise ConfigError(
            f"network was {config.network!r}, and task={task.name} has no source and target; choose "
            f"task={' or '.join(WITH_PICTURE if network.needs_picture else WITH_SOURCE)}."
        )
    if network.needs_picture and not task.shows_picture:
        raise ConfigError(
            f"network was {config.network!r}, and task={task.name} shows no picture; choose "
            f"task={' or '.join(WITH_PICTURE)}."
        )
    if config.start == "carried" and (task.name != "next_character" or config.bidirectional):
        other = (
            f"task={task.name} begins anew"
            if task.name != "next_character"
            else "bidirectional=true reads it backwards"
        )
        raise ConfigError(
            f"start was 'carried', which needs a text that goes on, and {other}; choose start=zero, or "
            "task=next_character with bidirectional=false."
        )
    if config.seq_len_schedule == "mixed" and (config.start == "carried" or task.source(config.seq_len) is not None):
        other = "start=carried reads on" if config.start == "carried" else f"task={task.name} has a source and a target"
        raise ConfigError(
            f"seq_len_schedule was 'mixed', whose sequences end one by one, and {other}; choose fixed, or a task "
            "without a source and start=zero."
        )
    if config.reverse_source and task.name != "translation":
        raise ConfigError(
            f"reverse_source was true, and task={task.name} has no source to reverse; it needs task=translation."
        )
    if config.delay is not None and task.name != "delayed_xor":
        raise ConfigError(f"delay was {config.delay}, which task={task.name} does not have; it needs task=delayed_xor.")
    if config.delay is not None and config.seq_len <= 2 * config.delay:
        most = (config.seq_len - 1) // 2
        raise ConfigError(
            f"delay was {config.delay}, and seq_len={config.seq_len} has no timestep after two delays; choose "
            f"{f'a delay of at most {most}' if most else 'no delay'}, or a seq_len of at least {2 * config.delay + 1}."
        )
    if config.data_file is not None and task.name not in OF_DATA:
        raise ConfigError(
            f"data_file was {shortened(config.data_file, LONGEST_PATH)}, which task={task.name} does not read; it "
            f"needs task={' or '.join(OF_DATA)}."
        )
    if config.data_column is not None and task.name != "series":
        raise ConfigError(f"data_column was {shortened(config.data_column)}; it needs task=series.")
    if config.dense_size is not None and config.head != "dense":
        raise ConfigError(f"dense_size was {config.dense_size}, and head was {config.head!r}; it needs head=dense.")
    if config.bidirectional and config.truncate is not None and config.truncate_kind == "window":
        raise ConfigError(
            "truncate_kind was 'window', which slides in one reading direction; with bidirectional=true choose "
            "truncate_kind=blocks."
        )
    if config.penalty_weight and config.truncate is not None and config.truncate_kind == "window":
        raise ConfigError(
            f"penalty_weight was {config.penalty_weight:g}, which needs one gradient per state, and windows give each "
            "loss its own; choose penalty_weight=0 or truncate_kind=blocks."
        )
    if (config.penalty_weight or config.floss_steps) and config.clip_rule == "per_step":
        raise ConfigError(
            f"penalty_weight was {config.penalty_weight:g}, floss_steps {config.floss_steps} and clip_rule 'per_step', "
            "which clips the loss's gradient on its way and knows no other; choose 0 for both or clip_rule=norm."
        )
    states = len(CELLS[config.cell].state_names) * config.hidden_size
    if config.floss_steps and (config.network != "sequence" or config.num_layers > 1 or config.bidirectional):
        raise ConfigError(
            f"floss_steps was {config.floss_steps}, which needs network=sequence with one layer in one direction."
        )
    if config.floss_steps and config.floss_exponents > states:
        raise ConfigError(
            f"floss_exponents was {config.floss_exponents}; it must be at most {states}, the state's size."
        )
    also = next((name for name in SINGULAR if getattr(config, name) != RunConfig.model_fields[name].default), None)
    if config.spectral_radius is not None and also is not None:
        raise ConfigError(
            f"spectral_radius was {config.spectral_radius:g} and {also} was {spelt(getattr(config, also))}; each would "
            "change what the other sets, so leave one of them out."
        )
    position = config.loss_position or task.default_loss_position
    if config.head in WHOLE and (position == "every" or task.source(config.seq_len) is not None):
        raise ConfigError(
            f"head was {config.head!r}, which gives one answer per sequence, and task={task.name} asks for more than "
            "one; choose a task with one answer, or head=linear."
        )
