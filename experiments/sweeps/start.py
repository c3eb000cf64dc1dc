"""Run a sweep in the terminal, from its plan to its end."""

from rich.console import Console

from analysis.wording import counted
from experiments.runs.train import stop_at_signals
from experiments.sweeps.cluster import connected
from experiments.sweeps.engine import Report, run_sweep
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.plan import Plan
from experiments.sweeps.progress import ending, watched


def start(
    plan: Plan,
    folder: SweepFolder,
    workers: int,
    scheduler: str | None,
    memory: str,
    retry: bool,
    console: Console,
    command: str,
) -> tuple[Report, str]:
    """Run the sweep. Returns its report, and its end in words.

    Raises:
        ConfigError: see `run_sweep`.
    """
    where = scheduler or f"{counted(workers, 'worker')} here"
    console.print(
        f"sweep {plan.name}: {counted(len(plan.runs), 'run')} on {where}, kept in {folder.runs}", highlight=False
    )
    with (
        stop_at_signals() as stop,
        connected(workers, scheduler, memory) as client,
        watched(console) as (watch, fail),
    ):
        report = run_sweep(plan, folder, client, stop, watch, fail, retry)
    return report, ending(report, command)
