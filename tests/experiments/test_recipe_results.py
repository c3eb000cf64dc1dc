"""What recipes measure: killed half way they give the same numbers, and what is written is what was wanted."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from forking import start_copy
from kill_training import read_all, same
from num2words import num2words
from small_recipe import TRAINED
from sweeping import COMMITTING_OFTEN, wait_for

from analysis.figures.png import png_address
from experiments.config.run_config import RunConfig
from experiments.probing.recorded import recorded_probe
from experiments.recipes import measured
from experiments.recipes.example_pictures import example_pictures
from experiments.recipes.examples import LONGEST, cut, examples_of
from experiments.recipes.measurements import influence_balancing
from experiments.recipes.outcome import WRITTEN, losses, outcome_of, sample_text
from experiments.recipes.page import example_row, html_of
from experiments.recipes.recipe import Recipe, read_recipe, recipe_of
from experiments.recipes.runs import plan_of_recipes
from experiments.recipes.spectra import moments, spectra_picture
from experiments.recipes.tables import markdown
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.train import train
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.work import Work, perform
from experiments.tasks.france import LANGUAGES
from experiments.training.training import Training


def write_small(folder: Path, steps: int) -> Path:
    fixed = "".join(f"{key} = {value!r}\n" for key, value in {**TRAINED["fixed"], "steps": steps}.items())
    path = folder / "small.toml"
    path.write_text(
        f'title = "small"\nseeds = 1\nexamples = ["gru"]\n[fixed]\n{fixed}stop_on_success = false\n'
        '[arms.gru]\ncell = "gru"\n[[expect]]\nsays = "it learns"\nkind = "order"\nvalue = "gru.loss_over_chance"\n'
        'at_most = 1.5\npublished = "yes"\n',
        encoding="utf-8",
    )
    return path


def bring_to_its_end(recipe: Recipe, runs: Path) -> None:
    """All runs of a recipe, as a worker does them, in this process."""
    plan, folder = plan_of_recipes([recipe], "here"), SweepFolder(runs, "here")
    folder.session("here").parent.mkdir(parents=True)
    folder.session("here").touch()
    configs = tuple(plan.config(run).model_dump() for run in plan.runs)
    outcomes = perform(Work(str(runs), "here", "here", plan.kind, configs))
    assert {outcome.result for outcome in outcomes} == {"finished"}


@pytest.mark.processes
def test_a_recipe_that_is_killed_half_way_gives_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "FRESH", 50)
    path = write_small(tmp_path, 200)
    one, other = tmp_path / "killed", tmp_path / "whole"
    words = ("recipe", str(path), "--workers", "1", "--quiet", "--runs", str(one))
    process = start_copy("experiments", *words, environment=COMMITTING_OFTEN, out=tmp_path / "said")
    name = read_recipe(path).config("gru", 0).identity()
    progress = one / name / "progress.json"
    while process.poll() is None and not (progress.exists() and '"step":0' not in progress.read_text()):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: open_run(one / name).status == "interrupted")  # its worker, in the same group, is gone, too
    assert open_run(one / name).progress.step < 200
    recipe = read_recipe(path)
    for runs in (one, other):
        bring_to_its_end(recipe, runs)
    again, at_once = outcome_of(recipe, one), outcome_of(recipe, other)
    assert [judged.values for judged in again.judged] == [judged.values for judged in at_once.judged]
    same(read_all(open_run(one / name), 0), read_all(open_run(other / name), 0))
    assert again.verdict == at_once.verdict
    html = html_of("small", [again])
    assert again.shown[0].examples[0].wanted in html
    assert "small: small" in markdown([again])


def test_runs_that_are_not_there_leave_a_recipe_unfinished(tmp_path):
    outcome = outcome_of(recipe_of(TRAINED, "small"), tmp_path)
    assert (outcome.verdict, outcome.missing) == ("not finished", 4)


def test_the_legend_of_the_losses_names_each_arm_once_whatever_the_seeds(tmp_path):
    recipe = recipe_of(TRAINED, "small")
    bring_to_its_end(recipe, tmp_path)
    readers = {
        (arm, seed): open_run(tmp_path / recipe.config(arm, seed).identity()) for arm in recipe.arms for seed in (0, 1)
    }
    picture = losses(recipe, readers)
    named = [
        trace.name
        for trace in picture.figure.data
        if trace.showlegend is not False and not trace.name.startswith("a g")
    ]
    assert named == ["gru, 2 seeds", "elman, 2 seeds"]


def words_of(monkeypatch, **settings):
    """The examples of a fresh network, as the page shows them."""
    monkeypatch.setattr(measured, "FRESH", 6)
    monkeypatch.setattr(measured, "PART", 3)
    training = Training(RunConfig(hidden_size=4, batch_size=2, **settings))
    answers = measured.answer(training)
    return training, answers, examples_of(training, answers)


def test_the_language_that_is_wanted_is_that_of_the_country(monkeypatch):
    _, _, examples = words_of(monkeypatch, task="france", seq_len=3)
    for example in examples:
        country = example.given.split()[4]
        assert example.wanted == LANGUAGES[country]
        assert example.right == (example.said == example.wanted)


def test_a_translation_is_of_the_number_that_is_read(monkeypatch):
    _, _, examples = words_of(monkeypatch, task="translation", network="encoder_decoder", seq_len=3)
    french = {spoken(n, "en"): spoken(n, "fr") for n in range(3000)}
    known = [example for example in examples if example.given in french]
    assert known
    assert all(example.wanted == f"{french[example.given]} ." for example in known)


def spoken(number: int, language: str) -> str:
    return re.sub(r"[-,]", " ", num2words(number, lang=language)).replace("  ", " ")


def test_the_wanted_characters_are_the_text_one_place_on(monkeypatch):
    training, _, examples = words_of(monkeypatch, task="next_character", text_file="hello", seq_len=7)
    assert all(example.wanted[:-1] == example.given[1:] for example in examples)
    written = sample_text(training)
    assert len(written) == WRITTEN
    assert set(written) <= set("helo")


def test_a_caption_stands_beside_its_picture(monkeypatch):
    training, answers, examples = words_of(monkeypatch, task="captioning", network="one_to_many", seq_len=3)
    places = training.task.source(3)
    for k, example in enumerate(examples[:2]):
        assert example.picture == pytest.approx(training.task.picture(answers.inputs[:places, k]).numpy())
        row = example_row(example)
        assert f'<img src="{png_address(example.picture)}" alt="Picture: {example.given}">' in row
        for place in example.given.split(" "):
            assert place in example.wanted, "what is said to be in the picture is what its caption speaks of"
        assert f"<td>{example.wanted}</td>" in row


def test_a_long_text_loses_its_middle_and_no_word_is_cut():
    words = " ".join(f"{k:03}" for k in range(200))
    shown = cut(words)
    first, last = shown.split(" … ")
    assert len(shown) <= LONGEST + 3
    assert words.startswith(f"{first} ")
    assert words.endswith(f" {last}")
    assert cut("x" * 2 * LONGEST) == f"{'x' * (LONGEST // 2)} … {'x' * (LONGEST // 2)}"
    assert cut(words[:LONGEST]) == words[:LONGEST]


def test_a_ball_is_drawn_where_it_was(monkeypatch):
    training, answers, examples = words_of(monkeypatch, task="ball", seq_len=5)
    picture = example_pictures(training, answers)[0]
    assert picture.columns["true x"] == pytest.approx(answers.targets[-10:, 0, 0].tolist())
    x, y = answers.targets[-10, :, 0].tolist()
    assert examples[0].wanted.startswith(f"({x:.3g}, {y:.3g})")


def test_accuracy_and_exact_sequences_are_counted(monkeypatch):
    _, answers, _ = words_of(monkeypatch, task="reversal", network="encoder_decoder", seq_len=2)
    right = answers.said.argmax(-1) == answers.targets
    assert answers.accuracy == pytest.approx(right.double().mean().item())
    assert answers.whole.tolist() == [all(column) for column in right.T.tolist()]


def test_a_block_sees_each_influence_by_the_share_of_its_losses():
    """∂⁺ of the chain by finite differences over whole passes: the sign that truncated BPTT gives around `shortest`."""
    model = influence_balancing.network()
    for kind in ("blocks", "window"):
        k = influence_balancing.shortest(kind)
        signs = [influence_balancing.slope(model, 0.1, 1200, n, kind)[0] for n in (k - k // 5, k + k // 5)]
        error = influence_balancing.slope(model, 0.1, 1200, None, kind)[1]
        assert error < 0, "θ = .1 gives s¹ = −.6: it must fall"
        assert signs[0] < 0 < signs[1], kind


def test_full_bptt_of_the_chain_is_the_slope_of_its_loss():
    model, step = influence_balancing.network(), 1e-4
    errors = [influence_balancing.slope(model, theta, 400, None, "blocks")[1] for theta in (0.3 - step, 0.3 + step)]
    slope, error = influence_balancing.slope(model, 0.3, 400, None, "blocks")
    by_differences = (errors[1] ** 2 - errors[0] ** 2) / 2 / (2 * step)
    assert slope == pytest.approx(by_differences, rel=1e-3), "s¹ is at rest in the second half"
    assert error == pytest.approx(-6 * 0.3 - 1, rel=1e-6)


def test_the_spectra_are_those_of_the_recorded_steps(tmp_path):
    settings = {"task": "latch", "cell": "elman", "seq_len": 40, "hidden_size": 5, "batch_size": 4, "steps": 9,
                "record_every": 2, "evaluate_every": None, "floss_steps": 4, "floss_exponents": 3}  # fmt: skip
    train([Recorder.start(RunConfig.from_values(settings), tmp_path / "run")])
    run = open_run(tmp_path / "run")
    assert list(moments(run).items()) == [(1, "at the beginning"), (5, "after flossing"), (9, "at the end")]
    picture = spectra_picture("flossed", "Flossed", run)
    for step, when in moments(run).items():
        of_step = [
            y for line, y in zip(picture.columns["line"], picture.columns["nats per step"], strict=True)
            if line == f"step {step}, {when}"
        ]  # fmt: skip
        assert of_step == pytest.approx(recorded_probe(run, step).lyapunov.exponents.tolist())
