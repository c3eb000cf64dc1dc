"""`evaluate_at`: the network at other lengths than it was trained at, beside a guess."""

import pytest
from commanding import call, trained

from experiments.config.limits import check_memory
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.opening import open_run
from experiments.training.lengths import AtLength, evaluate_lengths
from experiments.training.training import Training


def test_run_and_show_print_each_length_beside_the_guess(runs, in_own_folder):
    out = trained("task=copying", "evaluate_at=3,30", "steps=4")
    for seq_len, chance in ((3, "0.904"), (30, "0.416")):
        sentence = f"At seq_len={seq_len} the loss is "
        assert sentence in out
        assert f"(a guess: {chance}) and the accuracy 0" in out
        (folder,) = runs.iterdir()
        assert sentence in call("show", folder.name)
    assert out.count("so the network is no better than a guess there.") == 2
    events = [event for event in open_run(folder).events() if event["kind"] == "other length"]
    assert [event["seq_len"] for event in events] == [3, 30]
    assert all(event["chance"] == pytest.approx(20.79 / (event["seq_len"] + 20), abs=0.01) for event in events)


def test_a_network_at_the_length_it_was_trained_at_scores_as_its_evaluation(tiny):
    training = Training(tiny(evaluate_at="8", evaluate_size=50))
    (there,) = evaluate_lengths(training.config, training.task, training.model)
    usual = training.evaluate()
    assert (there.loss, there.accuracy) == (usual.loss, usual.accuracy)
    again = evaluate_lengths(training.config, training.task, training.model)
    assert again == [there]


def test_a_network_that_has_learned_is_not_called_a_guess():
    assert AtLength(20, 0.1, 0.985, 0.6931, 0.5).sentence == (
        "At seq_len=20 the loss is 0.1 (a guess: 0.693) and the accuracy 0.985 (a guess: 0.5)."
    )
    diverged = AtLength(20, float("nan"), 0.5, 0.6931, 0.5).sentence
    assert diverged.endswith("so the network is no better than a guess there.")


@pytest.mark.parametrize("given", ["", "0", "5,", "a", "1000001", "100001", "1,2,3,4,5,6,7,8,9", "-3", "1.5"])
def test_other_lengths_must_be_lengths(given):
    with pytest.raises(ConfigError, match=r"^evaluate_at was .* up to 8 values of seq_len such as 50,200,1000"):
        RunConfig.from_words([f"evaluate_at={given}"])


def test_lengths_have_one_spelling():
    spelled = {
        RunConfig.from_words([f"evaluate_at={text}"]).evaluate_at for text in ("50,200", "[50, 200]", " 50, 200 ")
    }
    assert spelled == {"50,200"}
    assert RunConfig.from_words(["evaluate_at=50"]).evaluate_at == "50"
    assert RunConfig().identity() == RunConfig(evaluate_at=None).identity() != RunConfig(evaluate_at="5").identity()


def test_a_length_that_needs_too_much_memory_is_refused_before_the_training(tiny):
    with pytest.raises(ConfigError, match=r"^seq_len was 100000, batch_size 1, hidden_size 4096"):
        check_memory(tiny(hidden_size=4096, evaluate_at="100000"))
