"""What Train shows until something trains: the gradients of the networks as they will begin."""

from collections.abc import Sequence

import streamlit as st

from analysis.figures.profile import profile_picture
from analysis.figures.symbols import with_symbols
from dashboard.cache import record_pass
from dashboard.components.refusal import refuse
from dashboard.components.show import show
from dashboard.components.source import set_source
from dashboard.explore.layer_choice import in_words
from experiments.config.run_config import ConfigError, RunConfig
from experiments.probing.probe import Probe
from models.cells.registry import CELLS

MOST_WORK = 2e9
"""Multiplications of a network's states with its recurrent weights: about a second on a slow core."""


def show_before(lanes: Sequence[RunConfig]) -> None:
    """The gradient profile of each cell's network before its first step, over the first sequence that it reads."""
    if not lanes:
        return
    st.markdown("## Before training")
    if max(_work(lane) for lane in lanes) > MOST_WORK:
        st.caption("This network is too large to show before training. Its gradient appears once it trains.")
        return
    try:
        probes: dict[str, Probe] = {}
        for lane in lanes:
            if lane.cell not in probes:
                probes[lane.cell] = record_pass(lane)
        picture = profile_picture(
            {cell: probe.profile for cell, probe in probes.items()},
            {},
            lanes[0].dtype,
            transports={cell: probe.transport_course for cell, probe in probes.items()},
        )
    except ConfigError as error:
        refuse(error)
        return
    first = next(iter(probes.values()))
    set_source(lanes[0].model_dump(exclude_none=True))
    show(in_words(with_symbols(picture, first.symbols), first.layer_words), "before")
    if len({lane.initialisation for lane in lanes}) > len(probes):
        st.caption("This is the first lane; the second one begins with other weights.")


def _work(lane: RunConfig) -> float:
    blocks = len(CELLS[lane.cell].blocks) * lane.num_layers * (2 if lane.bidirectional else 1)
    return float(lane.seq_len * lane.batch_size * blocks * lane.hidden_size**2)
