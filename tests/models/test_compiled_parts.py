"""The parts of the compiled path alone: elementary functions, products, and where compiled code is kept."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles import last_step_loss, make_model

from models import record
from models.bptt.compiled import cache, choose
from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh
from models.bptt.compiled.product import add_transposed, multiply


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("apply", "exact"), [(apply_sigmoid, lambda x: 1 / (1 + np.exp(-x))), (apply_tanh, np.tanh)])
def test_elementary_functions_are_right_to_a_few_units_in_the_last_place(dtype, apply, exact):
    generator = np.random.default_rng(0)
    x = np.concatenate([generator.standard_normal(20_000) * size for size in (1e-8, 1e-3, 0.1, 1, 10, 30)])
    x = x.clip(-87, 87).astype(dtype)  # σ(-88) is no longer a normal float32
    got = x.copy()
    apply(got)
    expected = exact(x.astype(np.longdouble))
    assert np.max(np.abs((got - expected) / expected)) < 3 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elementary_functions_have_their_limits(dtype):
    x = np.array([math.nan, math.inf, -math.inf, 1e30, -1e30, 0.0], dtype)
    y = x.copy()
    apply_sigmoid(x)
    apply_tanh(y)
    assert np.isnan(x[0])
    assert np.isnan(y[0])
    assert x[1:].tolist() == [1, 0, 1, 0, 0.5]
    assert y[1:].tolist() == [1, -1, 1, -1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 2), (16, 256, 64), (33, 300, 131), (130, 17, 70)])
def test_products_equal_numpy(dtype, shape):
    M, K, N = shape
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((M, K + 3)).astype(dtype)[:, :K], generator.standard_normal((K, N)).astype(dtype)
    c = np.full((M, N), np.nan, dtype)
    zero_one = np.array([0, 1], dtype)
    close = {"rtol": 0, "atol": 100 * K * np.finfo(dtype).eps}
    multiply(a, b, c, zero_one, False)
    np.testing.assert_allclose(c, a @ b, **close)
    multiply(a, b, c, zero_one, True)
    np.testing.assert_allclose(c, 2 * (a @ b), **close)
    add_transposed(np.ascontiguousarray(a.T), b, c, zero_one)
    np.testing.assert_allclose(c, 3 * (a @ b), **close)


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    """A machine on which nothing was compiled yet, and nobody may compile."""
    monkeypatch.setattr(cache, "candidates", lambda: [tmp_path / "first", tmp_path / "second"])
    cache.open_cache.cache_clear()
    started = []
    monkeypatch.setattr(choose.subprocess, "Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr(choose, "builders", [])
    yield tmp_path, started
    cache.open_cache.cache_clear()


def a_recording():
    model = make_model("lstm", {})
    return record(model, model.readout.weight.new_ones(4, 2, 3), last_step_loss)


def test_the_first_recording_does_not_wait_for_the_compiler(no_cache):
    folder, started = no_cache
    assert a_recording().path == "reference"
    assert a_recording().path == "reference"
    assert [command[1:] for command in started] == [["-m", "models.bptt.compiled.warm", str(folder / "first")]]
    (folder / "first" / "lstm-float64.ready").touch()
    assert a_recording().path == "fast"


def test_a_read_only_folder_is_passed_over(no_cache, monkeypatch):
    folder, _ = no_cache
    (folder / "first").write_text("a file where a folder should be")
    assert cache.open_cache() == folder / "second"


def test_a_full_read_only_folder_is_copied(no_cache, monkeypatch):
    folder, _ = no_cache
    (folder / "first").mkdir()
    (folder / "first" / "float64.ready").touch()
    monkeypatch.setattr(cache, "is_writable", lambda _: False)
    private = cache.open_cache()
    assert private not in (folder / "first", folder / "second")
    assert (private / "float64.ready").exists()


def test_without_any_folder_the_reference_serves(no_cache, monkeypatch):
    _, started = no_cache

    def fail(**_):
        raise OSError

    monkeypatch.setattr(cache, "is_writable", lambda _: False)
    monkeypatch.setattr(cache.tempfile, "mkdtemp", fail)
    assert a_recording().path == "reference"
    assert started == []


def test_models_import_without_the_compiler():
    """The compiler takes a third of a second to load: only who uses it pays."""
    code = "import sys, models; sys.exit('numba' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, env=os.environ, check=False).returncode == 0
