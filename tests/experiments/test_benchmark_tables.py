"""What `benchmark` prints is whole, whether 80 columns wide or in a pipe."""

import pytest

from experiments.benchmarks import bptt as benchmark
from experiments.benchmarks import networks, watch
from experiments.benchmarks.bptt import Cost, Growth
from experiments.benchmarks.rivals import Rivalry, rival_means, rival_table
from experiments.benchmarks.steps import CELLS, PASSES, SIZES, WAYS, products, step_of


@pytest.fixture
def measured(monkeypatch):
    """The largest figures that have been seen, instead of minutes of measuring."""
    costs = [Cost(cell, size, 2, way, 12345.6, 12.34, 10.01, 14.02) for size in SIZES for cell in CELLS for way in WAYS]
    monkeypatch.setattr(benchmark, "benchmark_recording", lambda *_, **__: costs)
    monkeypatch.setattr(benchmark, "growth", lambda *_: [Growth("lstm", (10000, 16, 512), 12345.6, 1234.5)])
    monkeypatch.setattr(benchmark, "peak_memory", lambda *_: 1234.5)
    monkeypatch.setattr(benchmark, "two_threads_to_one", lambda *_: 0.55)
    monkeypatch.setattr(benchmark, "vanishing_to_kept", lambda *_: 1.05)
    monkeypatch.setattr(benchmark, "averages", lambda _: [])
    rows = [
        Rivalry(cell, size, kind, 234.5, 469.0, 117.25, 938.0) for size in SIZES for cell in CELLS for kind in PASSES
    ]
    monkeypatch.setattr(benchmark, "rivalries", lambda *_: rows)


@pytest.mark.parametrize("columns", ["80", None])
def test_the_table_of_bptt_is_whole(measured, monkeypatch, capsys, columns):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    benchmark.main()
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if "…" in line]
    rows = [line.split() for line in lines if "10.01–14.02" in line]
    assert len(rows) == len(SIZES) * len(CELLS) * (len(WAYS) - 1)
    assert rows[0][1:] == ["/".join(str(n) for n in SIZES[0]), "2", WAYS[1], "12,346", "12.34", "10.01–14.02", "1234"]
    assert sum(line.split()[-3:] == ["0.50", "0.25", "2.00"] for line in lines) == len(SIZES) * len(CELLS) * len(PASSES)
    assert "lstm, vanishing: record ÷ torch.nn 0.50, ÷ JAX 0.25 (geometric means)" in lines
    assert any(line.startswith("CPU: ") and "Kernels: torch" in line for line in lines)
    if columns:
        assert max(len(line.rstrip()) for line in lines if not line.startswith("CPU: ")) <= 80


def test_without_jax_its_column_is_left_out():
    rows = [Rivalry(cell, SIZES[0], kind, 2.0, 4.0, 1.0, None) for cell in CELLS for kind in PASSES]
    assert [column.header for column in rival_table(rows).columns][-2:] == ["÷ torch.nn", "÷ products"]
    assert not any("JAX" in line for line in rival_means(rows))


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_is_kept_vanishes_or_explodes_as_its_row_says(cell):
    last_over_first = {}
    for kind in PASSES:
        sizes = step_of("fast", cell, (100, 8, 32), kind)().log_norm[0].mean(dim=-1)
        last_over_first[kind] = float(sizes[0] - sizes[-1])
    assert last_over_first["vanishing"] < -20 < last_over_first["kept"]
    assert last_over_first["exploding"] > 0
    products(cell, (3, 2, 4))()


def test_the_table_of_watch_is_whole_and_has_its_averages(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    costs = iter([1.0, 4.0] * 6)
    monkeypatch.setattr(
        watch,
        "cost",
        lambda cell, size, rounds: watch.WatchCost(cell, size, 1234.5, next(costs), 0.02, 0.0, 12.34, 1.5),
    )
    watch.main()
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if "…" in line]
    assert sum("12.34" in line for line in lines) == len(SIZES) * len(CELLS)
    assert "A recorded step: 2.00 × (geometric mean; at most 2)." in lines


def test_the_table_of_networks_is_whole_and_has_its_averages(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    ratios = iter([1.0, 4.0] * 15)
    monkeypatch.setattr(networks, "cost", lambda *what: networks.NetworkCost(*what[:4], 1234.5, next(ratios)))
    networks.main()
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if "…" in line]
    sizes = sum(map(len, networks.SIZES.values()))
    assert sum("1234.5" in line for line in lines) == sizes * len(networks.CELLS) * 3
    assert "one_to_many, attention bahdanau: 2.00 × (geometric mean; at most 2)." in lines


@pytest.mark.parametrize("attention", networks.ATTENTIONS)
@pytest.mark.parametrize("cell", networks.CELLS)
@pytest.mark.parametrize("network", networks.SIZES)
def test_what_is_compared_is_the_same_network(network, cell, attention):
    plain, recorded = networks.steps_of(network, cell, attention, (4, 3, 5))
    theirs, trace = plain(), recorded()
    ours = [*trace.parameter_grads.values()]
    sizes = sorted(float(grad.norm()) for grad in theirs)
    assert sizes == pytest.approx(sorted(float(grad.norm()) for grad in ours), rel=1e-4)
