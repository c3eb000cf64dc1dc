"""`python -m experiments benchmark [WHAT]`: speed as ratios, measured side by side in one run."""

import importlib
from typing import Annotated

import typer

from experiments.config.words import shortened
from experiments.errors import ConfigError

BENCHMARKS = {
    "bptt": f"{__package__}.bptt",
    "analysis": f"{__package__}.analysis",
    "recording": f"{__package__}.recording",
    "sweep": f"{__package__}.sweep",
    "watch": f"{__package__}.watch",
    "networks": f"{__package__}.networks",
}
"""Name of a benchmark → the module whose `main` measures it."""


def benchmark_command(
    what: Annotated[str, typer.Argument(help=", ".join(BENCHMARKS))] = "bptt",
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds and sizes (bptt, watch, networks).")] = False,
) -> None:
    """Measure and print one table: bptt (a pass beside torch.nn), analysis, recording (beside training), sweep,
    watch (a watched torch.nn module beside an unwatched one) or networks (an encoder-decoder beside plain torch)."""
    if what not in BENCHMARKS:
        raise ConfigError(f"benchmark was {shortened(what)}; it must be one of {', '.join(BENCHMARKS)}.")
    main = importlib.import_module(BENCHMARKS[what]).main
    if what in ("bptt", "watch", "networks"):
        main(quick=quick)
    else:
        main()
