"""What `benchmark` prints is whole, whether 80 columns wide or in a pipe."""

import pytest

from experiments.benchmarks import bptt as benchmark
from experiments.benchmarks import networks, watch
from experiments.benchmarks.bptt import Cost, Growth
from experiments.benchmarks.steps import CELLS, SIZES, WAYS


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
    if columns:
        assert max(len(line.rstrip()) for line in lines) <= 80


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
