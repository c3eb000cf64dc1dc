"""No two lines contradict: title, alt text, words beside the chart, table, JSON and findings give one verdict."""

import random
import re
from dataclasses import replace

import pytest

from analysis.finding import Finding
from dashboard.explore.explore_frame import draw_profiles, with_findings, write_words
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import Settings
from dashboard.explore.view import View, record_view
from experiments.probing.summary import transport_summary
from experiments.probing.table import figures, findings

VERBS = {"vanishing": r"vanish|\bends\b", "exploding": "explode", "diverged": "diverge"}
"""Finding → the stem of its verb, which may stand where the finding does, and nowhere else."""

POSITIONS = ("task", "last", "every")


def random_settings(number: int) -> Settings:
    draw = random.Random(number)
    return Settings(
        task=draw.choice(["adding", "copying", "temporal_order", "next_character"]),
        loss_position=draw.choice(POSITIONS),
        nonlinearity=draw.choice(["tanh", "relu", "identity"]),
        initialisation=draw.choice(["default", "orthogonal", "gaussian", "identity"]),
        largest_singular_value=draw.choice([0.0, 0.5, 1.0, 1.3, 3.0]),
        forget_bias=draw.choice([-5.0, 0.0, 3.0, 8.0]),
        input_scale=draw.choice([0.0, 0.1, 1.0, 10.0]),
        truncate=draw.choice([0.0, 0.0, 1.0, 7.0]),
        bidirectional=draw.random() < 0.2,
        num_layers=draw.choice([1, 2]),
        seq_len=float(draw.choice([1, 2, 5, 40, 90])),
        hidden_size=draw.choice([1, 6]),
        batch_size=draw.choice([1, 3]),
        seed=number,
    )


def texts(shown: View, cell: str) -> dict[str, str]:
    """Everything that is said about one cell's gradient, by place; rates are said of lags, and have no verdict."""
    r = shown.probes[cell]
    alone = View(replace(shown.settings, cells=(cell,)), {cell: r}, None)
    picture, rows = draw_profiles(alone), figures(r)
    return {
        "title": str(picture.figure.layout.title.text),
        "alt": picture.alt,
        "words": write_words(alone).replace("explosion", ""),
        "table": " ".join(f"{name} {text}" for name, text in rows.items() if not name.startswith("diverged")),
        "lines": " ".join(findings([r])),
        "json": str(transport_summary(r.transport_course)),
    }


def contradictions(shown: View) -> list[str]:
    """Places that say what no finding says, or do not say what one does."""
    wrong = []
    for cell, r in shown.probes.items():
        found = {f.kind for f in r.findings}
        for place, text in texts(shown, cell).items():
            for kind, stem in VERBS.items():
                if (kind in found) != bool(re.search(stem, text)):
                    wrong.append(f"{cell}, {place}, findings {sorted(found)}: {text}")
    return wrong


def group_of(title: str, name: str) -> str:
    """The verb under which a title of several cells lists one."""
    (part,) = (part for part in title.split("; ") if re.search(rf"\b{name}\b", part))
    return part.partition(":")[0]


@pytest.mark.parametrize("position", ["task", "every"])
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_no_preset_contradicts_itself_wherever_its_loss_is(preset, position):
    shown = record_view(replace(Settings.of(preset.settings), loss_position=position))
    assert not contradictions(shown)


@pytest.mark.parametrize("first", range(0, 36, 12))
def test_no_settings_contradict_themselves(first):
    for number in range(first, first + 12):
        state = random_settings(number)
        shown = record_view(state)
        assert not contradictions(shown), state
        title = str(draw_profiles(shown).figure.layout.title.text)
        for cell, name in (("elman", "Elman"), ("lstm", "LSTM"), ("gru", "GRU")):
            found = {f.kind for f in shown.probes[cell].findings}
            for kind, stem in VERBS.items():
                assert (kind in found) == bool(re.search(stem, group_of(title, name))), (title, state)


def test_the_forget_gates_title_says_what_is_seen():
    preset = next(p for p in PRESETS if p.name == "Forget gate")
    title = str(draw_profiles(record_view(Settings.of(preset.settings))).figure.layout.title.text)
    assert re.fullmatch(
        r"LSTM: the gradient falls from 0\.08\d+ to 0\.002\d+ at lag \d+, then rises to 0\.02\d+", title
    )


def test_a_gradient_that_truncation_cuts_does_not_vanish_but_ends():
    shown = record_view(Settings(cells=("elman", "gru"), truncate=4.0, seq_len=50.0))
    title = str(draw_profiles(shown).figure.layout.title.text)
    assert title == "The gradient ends: Elman at lag 2, GRU at lag 2"
    said = texts(shown, "elman")
    assert "The gradient ends: exactly zero from lag 2 on, where no path leads to a loss" in said["alt"]
    assert "The gradient ends" in said["words"]
    assert "vanish" not in said["words"] + said["lines"]


def test_profile_and_transport_are_told_apart_where_every_step_has_a_loss():
    shown = record_view(Settings(cells=("elman",), loss_position="every"))
    rows, said = figures(shown.probes["elman"]), texts(shown, "elman")
    assert rows["profile, ‖dL/dh_t‖"].startswith("keeps its size")
    assert rows["transport, from the last loss"].startswith("vanishes: below 10⁻⁷ of its size from lag ")
    assert said["title"] == "Elman: the profile keeps its size; the last loss's gradient vanishes"
    assert "The profile keeps its size" in said["words"]
    assert "The gradient of the last loss vanishes" in said["words"]
    assert "The gradient of the last loss vanishes." in said["lines"]


EVERY = "dL/dh_t of all losses together; the title is about the gradient of the last loss"
STATE = "dL/dh_t; the title is about the gradient to (h, c)"


@pytest.mark.parametrize(
    ("settings", "title", "note"),
    [
        ({"loss_position": "every"}, "The last loss's gradient", EVERY),
        ({"largest_singular_value": 0.0, "forget_bias": 8.0}, "The gradient to (h, c)", STATE),
        ({}, "The gradient vanishes", None),
    ],
)
def test_below_the_chart_stands_what_its_title_is_about_where_that_is_not_its_lines(settings, title, note):
    picture = draw_profiles(record_view(Settings(cells=("elman", "lstm"), **settings)))
    assert str(picture.figure.layout.title.text).startswith(title)
    assert ("the title is about" in picture.sentence) == (note is not None)
    assert note is None or f"The lines show {note}" in picture.sentence


def test_what_a_pass_says_is_said_once_with_its_mark():
    shown = record_view(Settings.of({"cells": ("elman",), "hidden_size": 16}))
    words = write_words(shown)
    horizon = shown.probes["elman"].profile.horizon_lag
    assert words.count(f"</abbr> {horizon} on") == 1
    assert words.count("vanishes") == words.count("▲") == 1
    assert "<strong>▲ The gradient vanishes</strong>: below 10" in words


def test_a_finding_that_no_line_says_stands_in_a_line_of_its_own():
    found = Finding("stuck", "warning", "The gradient is small", "", {}, ())
    said = ["The gradient is smaller: 2", "Loss 1"]
    assert with_findings(said, [found]) == [*said, "<strong>△ The gradient is small</strong>."]
    assert with_findings(["Loss 1", "The gradient is small"], [found])[1:] == [
        "<strong>△ The gradient is small</strong>"
    ]
