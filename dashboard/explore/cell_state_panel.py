"""The panel Cell state: how large c_t and its gradient are over time, of the cells that have one."""

from analysis.figures.cell_state import cell_gradient_picture, cell_size_picture
from dashboard.explore.panel import Panel, Passes


def cell_state_panel(view: Passes) -> Panel:
    """‖dL/dc_t‖ and ‖c_t‖; a cell whose state is h_t alone has no line."""
    known = {cell: found for cell, r in view.probes.items() if (found := r.cell_state) is not None}
    if not known:
        return Panel(note="None of the chosen cells has a cell state c_t. Choose one that has, such as the LSTM.")
    return Panel(
        ({"cell-gradient": lambda: cell_gradient_picture(known), "cell-size": lambda: cell_size_picture(known)},)
    )
