"""Explore over a network with weights of its own: which one it is, the ways in and out, and what cannot be set."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.components.as_text import as_text
from dashboard.components.number_field import number_field
from dashboard.components.projector import projector_switch
from dashboard.components.refusal import refuse
from dashboard.explore.control import OneOf, Whole
from dashboard.explore.networks import OpenedNetwork, find_run_folder, steps_of
from dashboard.explore.session import leave_network, open_in_page, say_later
from dashboard.explore.settings import NOISE
from dashboard.explore.uploads import UPLOADS, read_upload
from dashboard.server.bounded_uploads import LARGEST_UPLOAD, held_files
from dashboard.server.visitor import visitor
from dashboard.session import read_session
from experiments.errors import ConfigError
from experiments.probing.given_network import TrainedNetwork

_TURN = "weights-turn"
"""Counts the files that were read: each has a field of its own, so that an empty one comes after it."""


def show_network(opened: OpenedNetwork) -> None:
    """Which network it is, what drags do to it, and the buttons that lead back."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**{as_text(opened.title)}**", width="content")
        words = "Set every slider and setting back to the network's own values."
        st.button("As it was found", key="as-found", on_click=open_in_page, args=(opened.naming,), type="tertiary",
                  icon=":material/restart_alt:", help=words)  # fmt: skip
        st.button("Back to untrained networks", key="leave-network", on_click=leave_network, type="tertiary",
                  icon=":material/arrow_back:")  # fmt: skip
        st.space("stretch")
        projector_switch()
    st.markdown(
        "These are the network's own weights, until a setting changes them. "
        f"{_name_inputs(opened)} are drawn anew, from the seed." + ("" if opened.has_readout else _RANDOM_READOUT)
    )


def _name_inputs(opened: OpenedNetwork) -> str:
    inputs, control = read_session("inputs", str, NOISE), opened.controls["inputs"]
    if inputs == NOISE or not isinstance(control, OneOf) or inputs not in control.options:
        return "The inputs, noise,"
    return f"The inputs, sequences of the task “{control.options[inputs]}”,"


_RANDOM_READOUT = " A random readout sends the gradient into the layer, so the loss itself says little."


def show_upload() -> None:
    """A field for a weights file."""
    key = f"weights-{read_session(_TURN, int, 0)}"
    st.file_uploader(
        "Weights file", key=key, on_change=_take_file, args=(key,), max_upload_size=LARGEST_UPLOAD // 2**20,
        help="A torch state dict, safetensors, a Keras model or an ONNX graph. Nothing in it is executed. "
        "Only you can open it, and only until the server forgets it. After a reload of the page, upload it again.",
    )  # fmt: skip
    st.caption(
        "To open a network that was trained here, choose its run on the page **Runs** and press *Open in Explore*."
    )


def show_step(opened: OpenedNetwork) -> None:
    """The choice among the recorded steps of a run."""
    if not isinstance(opened.network, TrainedNetwork):
        return
    try:
        steps = steps_of(find_run_folder(opened.network.run))
    except ConfigError as error:
        refuse(error)
        return
    if len(steps) > 1:
        shown = Whole("Recorded step", steps[-1], steps[0], steps[-1])
        number_field(shown, "step", step=steps.step, then=_take_step, args=(opened,))


def show_layer(opened: OpenedNetwork) -> None:
    """The choice among the recurrent layers of a file, or the modules of a watched network, that has several."""
    if len(opened.layers) > 1:
        st.selectbox(
            "Module" if opened.naming["run"] else "Layer of the file", range(len(opened.layers)), key="layer",
            format_func=lambda k: opened.layers[k], on_change=_take_layer, args=(opened,),
        )  # fmt: skip


def show_fixed(opened: OpenedNetwork) -> None:
    """What no control changes, and why."""
    st.caption(
        f"Fixed by its weights: {as_text(opened.fixed)}. Cell, sizes and initial weights can be chosen only for "
        "untrained networks."
    )


def _take_file(key: str) -> None:
    """Open the file that was just uploaded."""
    file = st.session_state.get(key)
    if not isinstance(file, UploadedFile):
        return
    st.session_state[_TURN] = read_session(_TURN, int, 0) + 1
    try:
        upload = UPLOADS.keep(read_upload(file.name, file.getvalue(), visitor()))
    except ConfigError as error:
        say_later(error)
    else:
        open_in_page({"run": "", "step": 0, "upload": upload, "layer": 0})
    finally:
        _forget(file)


def _forget(file: UploadedFile) -> None:
    """Take the file out of Streamlit's memory, which would keep it as long as the session."""
    context, held = get_script_run_ctx(), held_files()
    if context and held:
        held.remove_file(context.session_id, file.file_id)


def _take_step(opened: OpenedNetwork) -> None:
    open_in_page({**opened.naming, "step": read_session("step", int, 0)})


def _take_layer(opened: OpenedNetwork) -> None:
    open_in_page({**opened.naming, "layer": read_session("layer", int, 0)})
