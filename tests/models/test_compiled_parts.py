"""The parts of the compiled path alone: elementary functions, products, and where compiled code is kept."""

import math
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from oracles import last_step_loss, make_model

from models import record
from models.bptt.compiled import cache, choose, passes, warm
from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh, log_64
from models.bptt.compiled.jit import OPTIONS, kernel, njit
from models.bptt.compiled.kept import Kept
from models.bptt.compiled.product import multiply
from models.bptt.compiled.slopes import sigmoid_and_slope, tanh_and_slope


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


@pytest.mark.parametrize(("dtype", "largest"), [(np.float32, 40.0), (np.float64, 300.0)])
def test_tanh_and_its_slope_are_right_where_tanh_has_rounded_to_1(dtype, largest):
    @kernel
    def apply(x, y, slope):
        for k in range(x.size):
            y[k], slope[k] = tanh_and_slope(x[k])

    generator = np.random.default_rng(0)
    x = np.concatenate([generator.uniform(-top, top, 1000) for top in (1e-4, 3.0, largest)]).astype(dtype)
    y, slope = np.empty_like(x), np.empty_like(x)
    apply(x, y, slope)
    exact = x.astype(np.longdouble)
    E = np.exp(-2 * abs(exact))
    assert np.max(np.abs(y - np.tanh(exact)) / np.abs(np.tanh(exact))) < 4 * np.finfo(dtype).eps
    assert np.max(np.abs(slope - 4 * E / (1 + E) ** 2) / (4 * E / (1 + E) ** 2)) < 6 * np.finfo(dtype).eps


@pytest.mark.parametrize(("dtype", "largest"), [(np.float32, 86.0), (np.float64, 700.0)])
def test_the_logistic_function_and_its_slope_are_right_where_it_has_rounded_to_1(dtype, largest):
    @kernel
    def apply(x, y, slope):
        for k in range(x.size):
            y[k], slope[k] = sigmoid_and_slope(x[k])

    generator = np.random.default_rng(0)
    x = np.concatenate([generator.uniform(-top, top, 1000) for top in (1e-4, 3.0, largest)]).astype(dtype)
    y, slope = np.empty_like(x), np.empty_like(x)
    apply(x, y, slope)
    exact = x.astype(np.longdouble)
    E = np.exp(-abs(exact))
    value = np.where(exact < 0, E, 1) / (1 + E)
    assert np.max(np.abs(y - value) / value) < 4 * np.finfo(dtype).eps
    assert np.max(np.abs(slope - E / (1 + E) ** 2) / (E / (1 + E) ** 2)) < 6 * np.finfo(dtype).eps


def test_logarithms_are_right_to_the_last_digits():
    x = np.exp(np.random.default_rng(0).uniform(-650, 650, 2000))
    x[:500] = x[:500] ** 1e-3  # near 1
    got = np.array([log_64(value) for value in x])
    expected = np.log(x.astype(np.longdouble))
    assert np.max(np.abs(got - expected) / np.maximum(np.abs(expected), 1)) < 2 * np.finfo(np.float64).eps
    assert log_64(0.0) == -math.inf


@pytest.fixture(scope="module")
def multiply_any() -> Any:
    """`multiply` compiled for every layout at once, and not for each that a test has."""
    return njit([f"void({number}[:,:], {number}[:,:], {number}[:,:], b1)" for number in ("f4", "f8")], **OPTIONS)(
        multiply.py_func
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("K", [0, 1, 3, 300])
@pytest.mark.parametrize("M", [1, 3, 4, 33])
def test_products_equal_numpy_and_touch_nothing_else(multiply_any, dtype, M, K):
    generator = np.random.default_rng(0)
    for N in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 64, 70):  # on both sides of 1, 2 and 3 vectors
        a, b = generator.standard_normal((M, K + 3)).astype(dtype)[:, :K], generator.standard_normal((K, N + 2))
        wide = b.astype(dtype)
        b = wide[:, :-2]
        around = np.full((M + 2, N + 2), np.nan, dtype)
        c = around[1:-1, 1:-1]
        close = {"rtol": 0, "atol": 100 * max(1, K) * np.finfo(dtype).eps}
        multiply_any(a, wide, c, False)
        np.testing.assert_allclose(c, a @ b, **close)
        multiply_any(a, b, c, True)
        np.testing.assert_allclose(c, 2 * (a @ b), **close)
        multiply_any(np.ascontiguousarray(a.T).T, b, c, True)
        np.testing.assert_allclose(c, 3 * (a @ b), **close)
        assert np.isnan(around).sum() == around.size - c.size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [5, 21])
def test_a_row_of_a_product_is_the_same_in_every_batch_and_infinity_stays_in_its_place(dtype, N):
    generator = np.random.default_rng(1)
    a, b = generator.standard_normal((9, 30)).astype(dtype), generator.standard_normal((30, N)).astype(dtype)
    b[3, 2] = np.inf
    whole, alone = np.zeros((9, N), dtype), np.zeros((9, N), dtype)
    multiply(a, b, whole, True)
    for m in range(9):
        multiply(a[m : m + 1], b, alone[m : m + 1], True)
    np.testing.assert_array_equal(whole, alone)
    np.testing.assert_array_equal(whole[:, 2], np.sign(a[:, 3]) * np.inf)
    assert np.isfinite(np.delete(whole, 2, 1)).all()


MODULE = "models.cells.lstm.compiled"


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    """A machine on which nothing was compiled yet, and nobody may compile; what is kept elsewhere comes in a dict."""
    kept = {name: cache.find(name) for name in cache.file_names(MODULE, torch.float64)}
    monkeypatch.setattr(cache, "candidates", lambda: [tmp_path / "first", tmp_path / "second"])
    cache.open_cache.cache_clear()
    started = []
    monkeypatch.setattr(choose.subprocess, "Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr(choose, "builders", {})
    monkeypatch.setattr(choose, "there", set())
    yield tmp_path, started, kept
    cache.open_cache.cache_clear()


def a_recording(path=None):
    model = make_model("lstm", {})
    return record(model, model.readout.weight.new_ones(4, 2, 3), last_step_loss, path=path)


def test_the_first_recording_does_not_wait_for_the_compiler(no_cache):
    folder, started, kept = no_cache
    assert a_recording().path == "reference"
    assert a_recording().path == "reference"
    wanted = ["--folder", str(folder / "first"), "--first", MODULE]
    assert [command[1:8] for command in started] == [["-m", "models.bptt.compiled.warm", "float64", *wanted]]
    for name, file in kept.items():
        shutil.copy(file, folder / "first" / name)
    assert a_recording().path == "fast"


def test_who_asks_for_the_fast_path_has_another_process_compile(no_cache, monkeypatch):
    folder, _, kept = no_cache
    commands = []

    def compile_elsewhere(command, **_):
        commands.append(command)
        for name, file in kept.items():
            shutil.copy(file, folder / "first" / name)

    monkeypatch.setattr(passes.subprocess, "run", compile_elsewhere)
    monkeypatch.setattr(passes, "loaded", {})
    for _ in range(2):
        assert a_recording(path="fast").path == "fast"
    wanted = ["float64", "--folder", str(folder / "first"), "--only", MODULE]
    assert [command[1:8] for command in commands] == [["-m", "models.bptt.compiled.warm", *wanted]]


def test_a_read_only_folder_is_passed_over(no_cache):
    folder, _, _ = no_cache
    (folder / "first").write_text("a file where a folder should be")
    assert cache.open_cache() == folder / "second"


def test_a_full_read_only_folder_is_read(no_cache, monkeypatch):
    folder, started, kept = no_cache
    (folder / "second").mkdir()
    for name, file in kept.items():
        shutil.copy(file, folder / "second" / name)
    monkeypatch.setattr(cache, "is_writable", lambda _: False)
    assert a_recording().path == "fast"
    assert started == []


def test_without_any_folder_the_reference_serves(no_cache, monkeypatch):
    _, started, _ = no_cache

    def fail(**_):
        raise OSError

    monkeypatch.setattr(cache, "is_writable", lambda _: False)
    monkeypatch.setattr(cache.tempfile, "mkdtemp", fail)
    assert a_recording().path == "reference"
    assert started == []


CHANGES = [
    ("models/cells/gru/compiled.py", "B, H = h_before.shape", "B, H = h_before.shape  # a comment", []),
    ("models/bptt/compiled/weights.py", '"""', '"""In other words: ', []),
    ("models/cells/gru/saturated.py", "e_z = narrow(m, k, e, da_z)", "e_z = narrow(m, k, e + 0, da_z)", ["gru", "mut"]),
    ("models/cells/lstm/pointwise.py", "o[k] * tanh", "1 * o[k] * tanh", ["lstm"]),
    ("models/bptt/compiled/adjoint.py", "NEAR_64 = 40", "NEAR_64 = 41", ["elman", "gru", "lstm", "mut"]),
]


@pytest.mark.parametrize(("file", "old", "new", "compiled_again"), CHANGES, ids=[change[0] for change in CHANGES])
def test_only_code_that_changed_is_compiled_again(monkeypatch, tmp_path, file, old, new, compiled_again):
    """In another folder, too: a copy of the lab shares what the first has compiled."""
    cells = ["elman", "gru", "lstm", "mut"]

    def names():
        cache.parsed.cache_clear()
        cache.fingerprint.cache_clear()
        return [cache.fingerprint(f"models.cells.{cell}.compiled") for cell in cells]

    before = names()
    shutil.copytree(cache.HERE.parents[1], tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "HERE", tmp_path / "models" / "bptt" / "compiled")
    assert names() == before
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    after = names()
    monkeypatch.undo()
    assert names() == before
    assert [cell for cell, a, b in zip(cells, before, after, strict=True) if a != b] == compiled_again


def test_a_file_that_was_cut_off_counts_as_missing(tmp_path):
    target = SimpleNamespace(refresh=lambda: None)
    for content in (b"", b"\x80\x04\x95", b"no pickle"):
        (tmp_path / "cell.code").write_bytes(content)
        assert Kept(tmp_path, "cell.code").load_overload(None, target) is None


def test_one_process_compiles_and_a_killed_one_is_not_waited_for(tmp_path):
    note = tmp_path / "cell.compiling"
    killed = subprocess.Popen([sys.executable, "-c", "pass"])
    killed.wait()
    note.write_text(f"{killed.pid} {socket.gethostname()}")
    with warm.only_one(note):
        assert note.exists()
        os.utime(note, (0, 0))  # as if its process had been killed long ago
        with warm.only_one(note):
            pass
    assert not note.exists()


@pytest.mark.processes
def test_nothing_compiles_on_for_a_process_that_was_killed(tmp_path):
    command = [sys.executable, "-m", "models.bptt.compiled.warm", "float32", "--only", MODULE, "--processes", "1"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE) as started:
        while not list(tmp_path.rglob("*.compiling")):
            assert started.poll() is None
            time.sleep(0.05)
        started.kill()
        assert started.stdout is not None
        started.stdout.read()  # until the last process that has it is gone
    assert not list(tmp_path.rglob("*.code"))


def test_what_nobody_loads_any_more_is_deleted(tmp_path):
    days = {"new.code": 1, "old.code": 100, "killed.partial": 1, "killed.compiling": 1}
    for name, age in days.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age * 86400,) * 2)
    warm.delete_unused(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["new.code"]


def test_models_import_without_the_compiler():
    """The compiler takes a third of a second to load: only who uses it pays."""
    code = "import sys, models; sys.exit('numba' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, env=os.environ, check=False).returncode == 0
