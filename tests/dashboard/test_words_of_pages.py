"""The words of all pages: one name for each thing, terms explained, formulas set, and errors that name the control."""

import pytest

from analysis.figures.picture import Picture
from analysis.figures.theme import figure
from analysis.typeset import as_html, as_markdown
from dashboard.components.terms import TERMS, explain_in, explain_terms
from dashboard.control_names import label_of, label_within, name_control
from dashboard.explore.settings import CONTROLS as OF_EXPLORE
from dashboard.sweeps.choices import quantity_words
from dashboard.sweeps.new_settings import FIELDS
from dashboard.train.controls import CONTROLS as OF_TRAIN
from experiments.sweeps.quantities import QUANTITIES


def test_no_label_is_a_name_of_code():
    labels = [control.label for controls in (OF_EXPLORE, OF_TRAIN) for control in controls.values()]
    labels += [label_of(field) for field in FIELDS] + [label_within(field) for field in FIELDS]
    labels += [quantity_words(quantity) for quantity in QUANTITIES]
    assert [label for label in labels if "_" in label.replace("W_hh", "")] == []


@pytest.mark.parametrize("field", sorted(OF_EXPLORE.keys() & OF_TRAIN.keys()))
def test_a_setting_has_one_name_on_explore_and_train(field):
    assert OF_EXPLORE[field].label == OF_TRAIN[field].label


def test_an_error_names_the_control():
    assert name_control("seq_len was 0; it must be above 0.") == "Sequence length was 0; it must be above 0."
    assert name_control("network was 'encoder_decoder', and task=adding is; choose task=reversal.") == (
        "Network was 'encoder and decoder', and the task “Adding two numbers” is; choose the task “Reversal”."
    )
    assert name_control("clip_rule was 'per_step'; no penalty_weight=4: choose bidirectional=false.") == (
        "Clip by was 'inside BPTT'; no weight of the penalty Ω = 4: choose bidirectional = off."
    )
    assert name_control("penalty_weight was -1; no.") == "Weight of the penalty Ω was -1; no."
    assert name_control("seq_len was 9, batch_size 2 and num_layers 1, which is much.") == (
        "Sequence length was 9, Batch size 2 and Layers 1, which is much."
    )
    for other in ("nothing was chosen.", "The code was 'x'; a code has 6 letters."):
        assert name_control(other) == other


def test_every_term_is_explained_once_on_hover():
    assert explain_in("a decay of −0.2 nats, from lag 3 to lag 9") == (
        f"**Nats.** {TERMS['nats']}  \n**Lag.** {TERMS['lag']}"
    )
    assert explain_in("a flag for donated things") is None
    html = explain_terms("lags 1–3, lag 4, lag 5, 2 decades")
    assert html.count("<abbr") == 3
    assert html.count('">lag</abbr>') == 1


def test_formulas_are_set_and_names_of_code_are_not():
    assert as_html("‖dL/dh_t‖ of W_hh, max_t and log_norm") == (
        "‖dL/dh<sub>t</sub>‖ of W<sub>hh</sub>, max_t and log_norm"
    )
    assert as_html("each earlier h_k") == "each earlier h<sub>k</sub>"
    assert as_markdown("$h_t$ costs 3, c_t more") == "$h_t$ costs 3, $c_t$ more"
    assert as_markdown("$h_t$ keeps 37 % of 50 %") == "$h_t$ keeps 37\xa0% of 50\xa0%"
    assert as_markdown("c_t costs $3") == "c_t costs $3", "a lone dollar is no formula"


def test_formulas_are_set_in_legends_and_on_hover_as_in_titles():
    made = figure("", "timestep t", "size of dL/dh_t", 300)
    made.add_scatter(x=[1, 2], y=[1, 2], name="full dL/dc_t", hovertemplate="full dL/dc_t, t = %{x}: %{y:size}")
    Picture("sizes", made, "", "")
    (line,) = made.data
    set_so = "full dL/dc<sub>t</sub>"
    assert (line.name, line.hovertemplate) == (set_so, f"{set_so}, t = %{{x}}: %{{customdata}}")
