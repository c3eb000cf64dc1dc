"""Explore's logic, without a browser: what the page says and refuses."""

from pathlib import Path

import orjson
import pytest
from streamlit.testing.v1 import AppTest

from analysis.figures.hatch import NO_PATH
from analysis.wording import told_apart
from dashboard.explore.configs import page_configs, settings_of
from dashboard.explore.inputs_panel import inputs_panel
from dashboard.explore.intervention import take_click
from dashboard.explore.panels import PANELS
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import LONGEST, Settings
from dashboard.explore.view import record_view
from dashboard.server.serving import FILES_VARIABLE
from experiments.config.run_config import RunConfig
from experiments.probing.intervene import intervene
from experiments.probing.probe import probe

APP = str(Path(__file__).resolve().parents[2] / "app.py")


def explore(**state: object) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    for key, value in {"seq_len": 20.0, "hidden_size": 8, "batch_size": 4, "preset": None, **state}.items():
        at.session_state[key] = value
    return at.run()


def words(at: AppTest) -> str:
    """All that is said on the page, the words beside the charts among them."""
    labs = [orjson.loads(c.proto.bytes) for c in at.get("bidi_component") if "live_lab" in c.proto.component_name]
    return " ".join(lab["words"] for lab in labs) + " ".join(m.value for m in at.markdown)


def test_the_first_visit_shows_every_cell():
    at = AppTest.from_file(APP, default_timeout=60).run()
    assert not at.exception
    assert not at.error
    for name in ("Elman", "LSTM", "GRU"):
        assert name in words(at)


@pytest.mark.parametrize("panel", [*PANELS])
@pytest.mark.parametrize("cells", [["elman"], ["lstm", "gru"], ["elman", "lstm", "gru"]])
def test_every_panel_shows_for_any_choice_of_cells(panel, cells):
    at = explore(panel=panel, cells=cells)
    assert not at.exception
    assert panel == "Diagnosis" or not at.error


@pytest.mark.parametrize("preset", PRESETS, ids=[preset.name for preset in PRESETS])
def test_a_pass_that_the_page_can_make_is_found_again_from_its_configuration(preset):
    for config in page_configs(Settings.of({**preset.settings, "hidden_size": 9, "truncate": 0.0})):
        found = settings_of(config)
        assert found is not None
        (made,) = page_configs(found)
        assert made == config


def test_a_pass_that_no_slider_can_make_has_no_settings():
    assert settings_of(RunConfig(cell="lstm", largest_singular_value=1.0)) is None, "its keep gate has its own biases"
    assert settings_of(RunConfig(cell="elman", largest_singular_value=1.0)) is not None
    assert settings_of(RunConfig(cell="elman", largest_singular_value=1.0, reset_after=False)) is None


def test_a_state_is_changed_and_the_page_says_what_the_loss_and_its_gradient_say():
    at = explore(cells=["gru"], panel="Hidden states", act="shift", act_at=5, act_unit=2, act_value=0.5)
    assert not at.exception
    said = next(m.value for m in at.markdown if "By its gradient it would go to" in m.value)
    made = intervene(probe(RunConfig(cell="gru", seq_len=20, hidden_size=8, batch_size=4, forget_bias=0.0,
                                     largest_singular_value=1.0)), "shift", 5, 2, 0.5)  # fmt: skip
    losses = told_apart([made.loss_before, made.loss_after, made.predicted])
    assert len({*losses}) == 3, "they differ, and can be seen to"
    assert all(loss in said for loss in losses)
    at.session_state["act_unit"] = 99
    at.run()
    assert "Unit was 99; it must be from 1 to 8." in at.error[0].value
    for clicked in ([7, 3], ["7", 3], None, [1, 2, 3], [10**9, 1], [{}, []]):
        take_click(clicked)


def test_no_cell_is_an_invitation_not_a_crash():
    at = explore(cells=[])
    assert not at.exception
    assert "Choose at least one cell" in at.info[0].value


def test_too_much_memory_is_refused_in_one_sentence_before_anything_is_built():
    at = explore(seq_len=1000.0, hidden_size=512, batch_size=256)
    assert not at.exception
    assert "320 MiB" in at.error[0].value
    assert at.error[0].value.count(". ") == 0


@pytest.mark.parametrize("content", [b"", b"\x00\x01binary", None])
def test_a_bad_text_file_is_one_sentence(tmp_path, monkeypatch, content):
    monkeypatch.setenv(FILES_VARIABLE, "1")
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    at = explore(task="next_character", text_file=str(file))
    assert not at.exception
    assert at.error[0].value.startswith("Text was ")


def test_a_diverged_pass_is_explained():
    at = explore(cells=["elman"], nonlinearity="relu", initialisation="identity",
                 largest_singular_value=3.0, seq_len=500.0, panel="Diagnosis")  # fmt: skip
    assert not at.exception
    assert "not finite from t =" in at.error[0].value
    assert "The pass diverges" in words(at)


@pytest.mark.parametrize("task", ["adding", "temporal_order", "copying", "next_character", "france", "translation"])
def test_the_smallest_sizes_work(task):
    at = explore(task=task, seq_len=1.0, hidden_size=1, batch_size=1)
    assert not at.exception
    assert not at.error


def test_a_pinned_state_is_compared_with_the_present_one():
    at = explore(cells=["elman"])
    next(b for b in at.button if b.label == "Pin as A").click().run()
    at.session_state["largest_singular_value"] = 2.0
    at.run()
    assert not at.exception
    assert "Largest singular value: 1 → 2" in words(at)
    assert any("A (dotted) is what was pinned" in caption.value for caption in at.caption)


def test_a_remedy_changes_the_settings():
    at = explore(cells=["lstm"], panel="Diagnosis")
    next(b for b in at.button if b.label == "Apply the remedy").click().run()
    assert not at.exception
    assert at.session_state["forget_bias"] > 1


def test_the_snippet_prints_the_numbers_of_the_page(capsys):
    at = explore(cells=["gru"], seq_len=9.0, hidden_size=4, truncate=3.0)
    next(b for b in at.button if b.label == "Link and Python").click().run()
    code = next(c.value for c in at.code if "import gradient_flow_lab" in c.value)
    exec(code, {})
    printed = capsys.readouterr().out.splitlines()
    expected = probe(RunConfig(cell="gru", seq_len=9, hidden_size=4, batch_size=4, truncate=3, forget_bias=0.0,
                               largest_singular_value=1.0))  # fmt: skip
    assert float(printed[-2].split()[1]) == expected.trace.loss.item()
    assert [float(x) for x in printed[-1].strip("[]").split(",")] == expected.profile.median.tolist()


def test_what_was_chosen_outlives_a_refused_setting_and_a_moment_without_a_cell():
    at = explore(cells=["lstm"], panel="Gates", overlays=["direct gradient"])
    for broken in ({"hidden_size": 512, "batch_size": 256, "seq_len": 1000.0}, {"cells": []}):
        whole = {key: at.session_state[key] for key in broken}
        for key, value in broken.items():
            at.session_state[key] = value
        at.run()
        for key, value in whole.items():
            at.session_state[key] = value
        at.run()
        assert not at.exception
        assert not at.error
        assert at.session_state["panel"] == "Gates"
        assert at.session_state["overlays"] == ["direct gradient"]


def test_the_sequence_length_of_the_first_visit_goes_to_its_end():
    at = AppTest.from_file(APP, default_timeout=60)
    at.session_state["seq_len"] = float(LONGEST)
    at.run()
    assert not at.error


def test_the_non_normal_preset_says_what_is_seen():
    """The words of the non-normal one: it vanishes though its norm is above 1, with all eigenvalues inside."""
    preset = next(p for p in PRESETS if p.name == "Non-normal")
    (config,) = page_configs(Settings.of(preset.settings))
    result = probe(config)
    assert {f.kind for f in result.diagnosis} >= {"vanishing"}
    assert result.spectra["h"].spectral_radius < 1
    assert f"{result.spectra['h'].spectral_norm:.3g}" in preset.try_this


def test_a_page_opens_no_file_of_this_machine_unless_the_server_was_started_so(tmp_path, monkeypatch):
    file = tmp_path / "private.txt"
    file.write_text("nobody's business")
    monkeypatch.delenv(FILES_VARIABLE, raising=False)
    at = explore(task="next_character", text_file=str(file))
    assert not at.exception
    assert "Text was" in at.warning[0].value
    assert at.session_state["text_file"] == "hello"
    assert not at.text_input
    monkeypatch.setenv(FILES_VARIABLE, "1")
    at = explore(task="next_character", text_file=str(file))
    assert not at.exception
    assert not at.warning
    assert at.text_input(key="text_file").value == str(file)


@pytest.mark.parametrize(
    ("settings", "count", "why"),
    [
        ({"truncate": 5.0}, 15, "The gradient stops at the end of each block of 5 timesteps."),
        ({"bidirectional": True}, 0, ""),  # one of the two directions leads from every input to the last loss
        ({}, 0, ""),
    ],
)
def test_the_panel_inputs_hatches_the_inputs_without_a_path_to_a_loss(settings, count, why):
    view = record_view(Settings.of({"cells": ["elman", "gru"], "seq_len": 20.0, "hidden_size": 8, **settings}))
    made = inputs_panel(view).rows[0]["input-gradients"]()
    hatched = [trace for trace in made.figure.data if trace.name == "no path to a loss"]
    assert ([t for trace in hatched for t in (trace.x[0], trace.x[1])] or [0, 0])[1] == (count + 0.5 if count else 0)
    assert (why in made.sentence) if why else NO_PATH not in made.sentence
    assert not any("exactly zero" in (trace.name or "") for trace in made.figure.data)
