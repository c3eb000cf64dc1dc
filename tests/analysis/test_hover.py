"""What every chart says on hover: words such as 1.1×10⁻¹⁴, in every kind of picture, never 1.1e-14 or ten digits."""

import re

import numpy as np
import pytest
from pictured import DATA, pictures_of

from analysis.figures.hover import size_parts, size_words
from analysis.figures.parallel import parallel_picture
from analysis.wording import power_of_ten
from dashboard.explore.explore_frame import explore_frame
from dashboard.explore.settings import DIAGNOSIS, OVERLAYS, PANEL_NAMES, Settings
from dashboard.explore.view import record_view
from dashboard.lessons.lesson import Live
from dashboard.lessons.registry import LESSONS

FORMATTED = re.compile(r"%\{[^}]*:(?!\.[0-3]f\})[^}]*\}")
"""A format of the browser's other than a fixed number of decimals, or an unwritten number."""
RAW = re.compile(r"\d[eE][-+]?\d|\d\.\d{7,}")


def is_plain(values) -> bool:
    """Whether an axis's values are words or whole numbers, which a hover may show as they are."""
    array = np.asarray(values)
    return array.dtype.kind in "iuOU" or bool((np.mod(array[np.isfinite(array)], 1) == 0).all())


def faults(figure) -> list[str]:
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    found = [f"{axis.plotly_name}: 50% beside 50 %" for axis in axes if "%" in str(axis.tickformat or "")]
    for trace in figure.data:
        template = getattr(trace, "hovertemplate", None)
        if template is None:
            shown = trace.type not in ("parcoords", "contour") and trace.hoverinfo not in ("skip", "none", "text")
            found += [f"{trace.name}: no hover template"] if shown else []
            continue
        found += [f"{trace.name}: {said}" for said in (*FORMATTED.findall(template), *RAW.findall(template))]
        if re.search(r"10<sup>%\{[xyz]", template):
            found.append(f"{trace.name}: a power with a broken exponent")
        for name in re.findall(r"%\{(x|y|z)\}", template):
            if not is_plain(trace[name]):
                found.append(f"{trace.name}: raw {name}")
        data = trace.customdata if "customdata" in template else None
        if data is not None and np.asarray(data).dtype.kind in "UO":
            found += [f"{trace.name}: {text}" for text in np.ravel(np.asarray(data, str)) if RAW.search(text)]
        texts = [text for text in np.ravel(trace.text) if isinstance(text, str)] if "text" in trace else []
        found += [f"{trace.name}: {text}" for text in texts if RAW.search(text)]
    return found


@pytest.mark.parametrize("panel", [name for name in PANEL_NAMES if name != DIAGNOSIS])
@pytest.mark.parametrize("singular_value", [0.7, 2.5])
def test_no_picture_of_explore_says_a_raw_number(panel, singular_value):
    settings = Settings(panel=panel, overlays=OVERLAYS, hidden_size=6, seq_len=40, batch_size=2, num_layers=2,
                        largest_singular_value=singular_value, input_scale=0.01)  # fmt: skip
    for key, draw in explore_frame(record_view(settings, Settings(hidden_size=5))).pictures.items():
        assert faults(draw().figure) == [], key


@pytest.mark.parametrize("values", DATA.values(), ids=DATA.keys())
def test_no_picture_of_plain_arrays_says_a_raw_number(values):
    for picture in pictures_of(values):
        assert faults(picture.figure) == [], picture.name


def test_no_picture_of_a_sweep_or_lesson_says_a_raw_number():
    runs = {"rate": [1e-7, 1e-5, 1e-3], "cell": ["gru", "lstm", "gru"]}
    made = parallel_picture(runs, "loss", np.array([1e-9, 2.0, 3e7]), log=True).figure
    assert faults(made) == []
    assert not any(RAW.search(text) for dimension in made.data[0].dimensions for text in dimension.ticktext)


@pytest.mark.parametrize("lesson", LESSONS, ids=[str(lesson.number) for lesson in LESSONS])
def test_no_picture_of_a_lesson_says_a_raw_number(lesson):
    if isinstance(lesson.bench, Live):
        return  # its pictures are those of runs
    scene = lesson.bench.draw(lesson.bench.start)
    for picture in scene.pictures.values():
        assert faults(picture.figure) == [], picture.name


def test_sizes_are_written_as_everywhere():
    log10 = np.concatenate(
        [np.random.default_rng(0).uniform(-420, 420, 2000), [-np.inf, np.inf, np.nan, -3, 2.9999, 3]]
    )
    assert size_words(log10) == [power_of_ten(x) for x in log10.tolist()]


def test_a_maps_cell_has_a_mantissa_and_an_exponent():
    log10 = np.array([[-13.9586, 0.0], [9.99999, -np.inf]])
    assert np.allclose(size_parts(log10)[0], [[1.1, -14.0], [1.0, 0.0]])
    assert size_parts(log10)[1, 0].tolist() == [1.0, 10.0]
    assert np.isnan(size_parts(log10)[1, 1]).all()
