"""A picture that is made of plain dictionaries is, to the byte, the one that Plotly's own objects make and check."""

import numpy as np
import orjson
import plotly.graph_objects as go
import pytest
from pictured import DATA, pictures_of
from plotly.basedatatypes import convert_to_base64

from analysis.figures.sketch import Sketch, count_named, plain
from dashboard.components.live_chart.component import encode_chart
from dashboard.explore.explore_frame import explore_lab

SMALL = {"seq_len": 12.0, "hidden_size": 4}
SEEN = {
    "first visit": {},
    "bound and more": {"overlays": ["bound", "direct gradient", "mean-field rate", "what the loss hears"]},
    "vanished": {"largest_singular_value": 0.0, "loss_position": "last"},
    "no path": {"truncate": 5.0},
    "A beside it": {"pinned": SMALL},
    "hidden states": {"panel": "Hidden states"},
    "cell state": {"panel": "Cell state"},
    "spectrum": {"panel": "Spectrum"},
    "two layers, both directions": {"num_layers": 2, "bidirectional": True},
}


def hold_sketch_against_figure(picture):
    sketched = orjson.loads(encode_chart(picture.made, key="chart", alt=""))
    assert isinstance(picture.made, Sketch)
    checked = orjson.loads(encode_chart(picture.figure, key="chart", alt=""))
    assert sketched == checked  # also its hash, of the bytes


@pytest.mark.parametrize("settings", SEEN.values(), ids=SEEN)
def test_a_sketch_is_the_figure_that_plotly_checks(settings):
    for draw in explore_lab({**SMALL, **settings}).pictures.values():
        hold_sketch_against_figure(draw())


@pytest.mark.parametrize("values", DATA.values(), ids=DATA)
def test_a_sketch_of_values_without_a_place_is_the_figure_that_plotly_checks(values):
    for picture in pictures_of(values):
        if isinstance(picture.made, Sketch):
            hold_sketch_against_figure(picture)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "f4", "f8"])
@pytest.mark.parametrize("values", [[], [3], [-1, 100], [0, 200], [-40000, 3], [2**40, 1], [[1, 2], [3, 4]]], ids=str)
def test_arrays_travel_as_those_that_plotly_sends(dtype, values):
    array = np.array(values).astype(dtype)
    sent = [array, array.T, array[::2]]
    made = Sketch({"meta": {"kept": array}})
    for y in sent:
        made.add_scatter(y=y, customdata=[*y.tolist()])
    theirs = {"data": [{"type": "scatter", "y": y, "customdata": [*y.tolist()]} for y in sent]}
    theirs["layout"] = {"meta": {"kept": array}}
    convert_to_base64(theirs)
    assert str(made.to_dict()) == str(theirs)


def test_what_plotly_does_not_know_is_refused_where_the_figure_is_asked_for():
    made = Sketch({"height": 300})
    made.add_scatter(x=[1], y=[2], colour="red")
    with pytest.raises(ValueError, match="colour"):
        made.figure()


def test_a_sketch_is_changed_at_every_depth_and_shares_nothing_with_what_it_was_given():
    given = {"xaxis": {"title": {"text": "t"}, "autorange": True}, "margin": {"t": 1, "b": 2}}
    made = Sketch(given)
    made.update_layout({"xaxis": {"autorange": None}}, margin={"t": 48})
    made.update_xaxes(title={"standoff": 3})
    made.update_yaxes(ticks="")  # it has none
    assert plain(made)[1] == {"xaxis": {"title": {"text": "t", "standoff": 3}}, "margin": {"t": 48, "b": 2}}
    assert given["xaxis"] == {"title": {"text": "t"}, "autorange": True}
    before = made.to_dict()
    made.update_layout(xaxis={"title": {"text": "s"}})
    assert before["layout"]["xaxis"]["title"]["text"] == "t"


def test_the_legend_names_what_has_a_name_and_is_no_map():
    made = Sketch({})
    for trace in ({"name": "a"}, {"name": "b", "showlegend": True}, {"name": "c", "showlegend": False}, {}):
        made.add_scatter(x=[1], y=[2], **trace)
    made.add_heatmap(z=[[1]], name="d")
    assert count_named(made) == count_named(made.figure()) == 2
    assert count_named(go.Figure(go.Parcoords(dimensions=[{"values": [1, 2]}]))) == 0
