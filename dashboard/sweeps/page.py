"""Sweeps: how far they are, any quantity over any two of their axes, and the runs behind each cell."""

import streamlit as st

from dashboard.components.address import note_arrival, write_address
from dashboard.components.refusal import refuse
from dashboard.components.show import show
from dashboard.components.source import set_source
from dashboard.components.style import page_style
from dashboard.session import read_session
from dashboard.sweeps.all_runs import show_all_runs
from dashboard.sweeps.cell_runs import show_cell_runs
from dashboard.sweeps.choices import choose_cell, choose_shown, choose_sweep
from dashboard.sweeps.heatmaps import show_heatmaps
from dashboard.sweeps.kept_choices import begin_choices, choices, read_address
from dashboard.sweeps.new_sweep import choose_started, say_there_are_none, show_new_sweep, show_steering
from dashboard.sweeps.pictures import draw_row_profiles
from dashboard.sweeps.processes import processes
from dashboard.sweeps.standing import FILL_SECONDS, LIVE, count_ended, show_progress, show_standing
from dashboard.train.jobs import RUNS
from experiments.config.run_config import ConfigError
from experiments.sweeps.folder import SweepFolder, list_sweeps, sessions
from experiments.sweeps.index import Results, load_results


@st.fragment
def explore(folder: SweepFolder, results: Results) -> None:
    """The heatmaps, and what is behind the cell that is chosen."""
    try:
        shown = choose_shown(results)
        write_address(choices())
        if shown is None:
            return
        if isinstance(shown, str):
            show_all_runs(results, shown)
            return
        table, statistic = shown
        maps = st.container()
        st.markdown("## One cell and its row")
        panel, row, column = choose_cell(results, table)
        with maps:
            show_heatmaps(results, table, statistic)
        write_address(choices())
        show_cell_runs(results, table.cells.get((panel, row, column)))
        show(draw_row_profiles(folder, results.plan, table, panel, row), f"sweep-row-{results.plan.name}")
    except ConfigError as error:
        refuse(error)


page_style()
read_address(note_arrival("sweeps"))
st.title("Sweeps")
found = list_sweeps(RUNS)
names = [folder.name for folder in found]
show_new_sweep(expanded=not found)
write_address(choices())
is_awaited = choose_started(names)
if not found:
    say_there_are_none(is_awaited)
    st.stop()
name = choose_sweep(names)
begin_choices(name)
write_address(choices())
folder = found[names.index(name)]
set_source({"sweep": name})
ended = count_ended(folder)  # before the results are loaded: what ends meanwhile is drawn next
try:
    results = load_results(folder)
except ConfigError as error:
    refuse(error)
    st.stop()
works = processes().works(name)
is_live = read_session(LIVE, bool, False) or works
st.fragment(show_progress, run_every=FILL_SECONDS if is_live else None)(folder, ended)
last = next(iter(sessions(folder)), None)
show_standing(results, last.ended if last else "", works)
show_steering(results)
explore(folder, results)
