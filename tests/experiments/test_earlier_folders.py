"""A run folder as it was before runs described themselves: it opens, and says in a sentence what it lacks."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commanding import call

from experiments.config.run_config import ConfigError
from experiments.probing.recorded import recorded_probe
from experiments.runs import recorder as recording
from experiments.runs.form import form_of
from experiments.runs.opening import config_of, open_run
from experiments.runs.store.errors import ForeignRunError, RunError
from experiments.runs.store.layers import weights_at
from experiments.runs.store.reader import open_folder
from experiments.runs.train import Recorder, train
from experiments.runs.verify import verify

FIXTURE = Path(__file__).parent / "fixtures" / "before_weights" / "ee5acd58fa17"
LACKS = "This run keeps no weights, since an earlier version recorded it; train it again"

pytestmark = pytest.mark.usefixtures("in_own_folder")


@pytest.fixture
def earlier(runs: Path) -> Path:
    """A copy of the folder."""
    return Path(shutil.copytree(FIXTURE, runs / FIXTURE.name))


def test_every_command_reads_it(earlier):
    (row,) = json.loads(call("list", "--json"))
    assert (row["problem"], row["status"], row["step"], row["recorded"]) == (None, "finished", 6, 3)
    assert "adding, lstm, 8 timesteps" in call("show", "ee5a")
    assert "are whole" in call("verify", "ee5a")
    for form in ("csv", "parquet", "netcdf", "html"):
        assert "ee5acd58fa17." in call("export", "ee5a", "--format", form)
    assert verify(earlier).problems == ()


@pytest.mark.parametrize("words", [["probe", "ee5a"], ["export", "ee5a", "--weights"]])
def test_what_it_lacks_is_a_sentence(earlier, words):
    with pytest.raises(ConfigError, match=LACKS):
        call(*words)


def test_it_is_opened_only_where_its_settings_can_be_read(earlier):
    with pytest.raises(ForeignRunError, match="is not as this program writes it: form is wrong"):
        open_folder(earlier)


def test_a_run_of_a_task_that_was_defined_otherwise_is_read_and_says_why_its_steps_cannot_be_looked_into(runs):
    """While blanks of delayed_xor had an output of their own."""
    shutil.copytree(FIXTURE.parents[1] / "blank_outputs", runs, dirs_exist_ok=True)
    assert "delayed_xor, elman, 6 timesteps" in call("show", "b989")
    assert "are whole" in call("verify", "b989")
    assert "b9897bf46e0a." in call("export", "b989")
    with pytest.raises(
        ConfigError, match="with 3 outputs, as it was defined earlier, and it has 2 now; train it again"
    ):
        call("probe", "b989")


@pytest.mark.parametrize("settings", [{}, {"network": "encoder_decoder", "task": "reversal"}])
def test_a_run_of_a_version_with_other_words_for_its_axes_is_opened(runs, tiny, settings):
    """A version that gives an axis a new word, or one axis more, opens what was recorded before."""
    config = tiny(**settings)
    Recorder.start(config, runs / "earlier").close()
    path = runs / "earlier" / "config.json"
    given = json.loads(path.read_text())
    axes = given["form"]["axes"]
    for form in (given["form"], *given.get("others", [])):
        form["axes"] = {"step": "another word for it"}
    path.write_text(json.dumps(given))
    assert open_run(runs / "earlier").form.axes == axes
    with Recorder.resume(runs / "earlier") as recorder:
        recorder.turn()
    (row,) = json.loads(call("list", "--json"))
    assert (row["problem"], row["step"]) == (None, 1)


def record_as_before(monkeypatch: pytest.MonkeyPatch, folder: Path, steps: int) -> None:
    """Record the fixture's settings again, with the arrays and the description that folders had then."""
    before = replace(form_of(config_of(open_run(FIXTURE)), 1, 1, "quantiles"))
    real = recording.describe

    def describe(*given: object) -> dict[str, object]:
        return {name: value for name, value in real(*given).items() if name not in ("kind", "title", "form")}

    monkeypatch.setattr(recording, "forms_of", lambda *_: (before,))
    monkeypatch.setattr(recording, "describe", describe)
    with Recorder.start(config_of(open_run(FIXTURE)), folder) as recorder:
        for _ in range(steps):
            recorder.turn()


def test_one_that_was_interrupted_goes_on_with_the_arrays_that_it_has(monkeypatch, runs):
    """What an earlier version computed with functions that are gone is what the analyses give."""
    record_as_before(monkeypatch, runs / "cut", steps=3)
    assert open_run(runs / "cut").form.keeps == "quantiles"
    train([Recorder.resume(runs / "cut")])
    now, then = open_run(runs / "cut"), open_run(FIXTURE)
    assert now.tensors == then.tensors
    for name in set(now.tensors) - {"seconds", "eigenvalues", "log_norm_quantile"}:
        assert np.allclose(now.tensor(name)[:], then.tensor(name)[:], rtol=1e-3, atol=1e-4), name
    # It kept the sequence nearest to a quantile, not the value between two.
    low, _, high = np.moveaxis(then.tensor("log_norm_quantile")[:], -1, 0)
    median = now.tensor("log_norm_quantile")[:, :, :, 1]
    assert ((low - 1e-4 <= median) & (median <= high + 1e-4)).all()
    sizes = [np.hypot(*np.moveaxis(run.tensor("eigenvalues")[:], -1, 0)) for run in (now, then)]
    assert np.allclose(*sizes, rtol=1e-3, atol=1e-4)
    with pytest.raises(RunError, match=LACKS):
        weights_at(now)
    with pytest.raises(RunError, match=LACKS):
        recorded_probe(now)


def test_a_run_opens_whose_program_had_other_words_for_its_axes(runs):
    call(
        "run",
        "task=reversal",
        "seq_len=2",
        "hidden_size=3",
        "batch_size=2",
        "steps=1",
        "--quiet",
        "--path",
        "reference",
    )
    (folder,) = (path.parent for path in runs.glob("*/config.json"))
    description = json.loads((folder / "config.json").read_text())
    description["form"]["axes"] = {"step": "the step"}  # later programs have more axes
    (folder / "config.json").write_text(json.dumps(description))
    assert open_run(folder).progress.step == 1
