"""The spectrum under the hand: points that are dragged, typed or moved by key, shapes, and the gates acted on."""

import math
import re

import numpy as np
import pytest
from browsing import press, resting_box, serious_faults_in_both_themes, settle
from exploring import eventually, line, redraws, type_value, value_of
from playwright.sync_api import Locator, Page, expect

from experiments.config.run_config import RunConfig
from experiments.probing.probe import Probe, probe

SMALL = "?panel=Spectrum&cells=elman&hidden_size=8&initialisation=orthogonal&seq_len=30"
TALL = {"width": 1280, "height": 2000}


@pytest.fixture
def page(explore) -> Page:
    opened = explore(SMALL, viewport=TALL)
    opened.locator(".drag-spectrum [role=slider]").first.wait_for()
    opened.wait_for_selector('.live-chart[data-key="singular-values"][data-redraws]')
    settle(opened)
    return opened


def points(page: Page) -> Locator:
    return page.locator(".drag-spectrum [role=slider]")


def passed(**values: object) -> Probe:
    """What `probe` computes for these settings."""
    settings = {"hidden_size": 8, "initialisation": "orthogonal", "seq_len": 30, "largest_singular_value": 1.0}
    return probe(RunConfig.from_values({"cell": "elman", "forget_bias": 0.0, **settings, **values}))


def shown(page: Page, expected: Probe) -> bool:
    """Whether the profile and the singular values are these."""
    profile = np.array(line(page, "Elman"), dtype=float)
    singular = np.array(line(page, "Elman", "singular-values"), dtype=float)
    wanted = expected.profile.median / math.log(10)
    return (
        profile.shape == wanted.shape
        and np.allclose(profile, wanted, atol=1e-3)
        and np.allclose(singular, expected.spectra["h"].singular_values, atol=1e-3)
    )


def test_a_value_is_dragged_and_the_charts_follow_to_the_numbers_of_probe_until_a_shape_is_chosen(page):
    point = points(page).nth(4)
    box = resting_box(point.locator(".dot"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    before = redraws(page, "singular-values")
    page.mouse.move(x, y + 60, steps=3)
    assert eventually(page, lambda: redraws(page, "singular-values") > before), "before the hand lets go"
    page.mouse.up()
    settle(page)
    value = float(point.get_attribute("aria-valuenow") or "nan")
    assert 0 < value < 0.9
    values = ",".join("1" if k != 4 else str(value) for k in range(8))
    assert eventually(page, lambda: shown(page, passed(singular_values=values)))
    expect(page.get_by_text("Set by hand")).to_be_visible()
    press(page, "Linear")
    assert eventually(page, lambda: shown(page, passed(spectrum_shape="linear"))), "a shape takes the hand's place"
    expect(page.get_by_text("Set by hand")).to_be_hidden()


def test_values_that_are_dragged_quickly_are_all_kept(page):
    at = [resting_box(points(page).nth(k).locator(".dot")) for k in range(1, 7)]
    dragged = ["1"]
    for k, box in enumerate(at, start=1):  # the answer to one comes while the next ones are dragged
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + 10 * k)
        page.mouse.up()
        dragged.append(points(page).nth(k).get_attribute("aria-valuenow"))
    assert len(set(dragged)) == 7
    assert eventually(page, lambda: shown(page, passed(singular_values=",".join([*dragged, "1"]))))
    settle(page)
    assert [points(page).nth(k).get_attribute("aria-valuenow") for k in range(8)] == [*dragged, "1"]


def test_a_value_that_is_typed_becomes_the_largest_and_the_slider_follows(page):
    field = page.get_by_label("singular value 2, exact")
    field.fill("1.5")
    field.press("Enter")
    assert eventually(page, lambda: value_of(page, "largest_singular_value") == 1.5)
    expected = passed(singular_values="1,1.5,1,1,1,1,1,1", largest_singular_value=1.5)
    assert eventually(page, lambda: shown(page, expected))
    type_value(page, "largest_singular_value", "0.75")
    expected = passed(singular_values="1,1.5,1,1,1,1,1,1", largest_singular_value=0.75)
    assert eventually(page, lambda: shown(page, expected)), "the slider scales all of them"


def test_keys_move_a_value_and_go_to_its_neighbours_and_axe_finds_no_serious_fault(page):
    points(page).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowDown")
    assert eventually(page, lambda: shown(page, passed(singular_values="1,0.89,1,1,1,1,1,1")))
    points(page).nth(3).focus()
    page.keyboard.press("End")
    assert eventually(page, lambda: shown(page, passed(singular_values="1,0.89,1,0,1,1,1,1")))
    assert not serious_faults_in_both_themes(page)


def test_only_the_chosen_gates_are_changed(explore):
    page = explore("?panel=Spectrum&cells=lstm&hidden_size=4&spectrum_shape=equal&seq_len=10", viewport=TALL)
    gates = page.get_by_role("button", name=re.compile("^[A-Z]+ [a-z]$"))
    assert gates.all_inner_texts() == ["LSTM i", "LSTM f", "LSTM g", "LSTM o"]  # no cell that is not drawn
    press(page, "LSTM f")
    wanted = probe(
        RunConfig(
            cell="lstm", hidden_size=4, spectrum_shape="equal", seq_len=10, largest_singular_value=1.0,
            forget_bias=0.0, spectrum_blocks="f",
        )
    ).spectra  # fmt: skip

    def drawn() -> bool:
        lines = {block: line(page, f"LSTM {block}", "singular-values") for block in wanted}
        return all(np.allclose(lines[b], s.singular_values, atol=1e-3) for b, s in wanted.items())

    assert eventually(page, drawn)
