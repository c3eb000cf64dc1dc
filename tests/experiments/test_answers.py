"""What a network says: its outputs beside the targets, and text that it writes one character after another."""

import pytest
import torch

from dashboard.components.answers import answers_html
from experiments.config.run_config import RunConfig
from experiments.probing.answers import can_write, exchanges, write_text
from experiments.probing.probe import Probe, probe

SMALL = {"hidden_size": 8, "batch_size": 3}


def right_share(made: Probe) -> float:
    answers = [answer.right for exchange in exchanges(made) for answer in exchange.answers]
    return sum(answers) / len(answers)


@pytest.mark.parametrize(
    "task", ["adding", "temporal_order", "copying", "delayed_xor", "parity", "france", "ball", "series", "video"]
)
def test_the_marks_are_the_accuracy_of_the_task(task):
    made = probe(RunConfig(task=task, seq_len=12, **SMALL))
    experiment = made.experiment
    assert right_share(made) == pytest.approx(experiment.task.accuracy(made.whole.outputs, experiment.targets))


def test_several_numbers_of_a_timestep_are_said_together():
    made = probe(RunConfig(task="ball", seq_len=5, **SMALL))
    x, y = made.experiment.targets[-1, :, 0].tolist()
    assert exchanges(made)[0].answers[-1].wanted == f"{x:.3g}, {y:.3g}"
    assert exchanges(made)[0].answers[-1].said.count(", ") == 1


def test_a_ball_has_its_way_and_a_caption_its_picture():
    made = probe(RunConfig(task="ball", seq_len=5, **SMALL))
    way, targets = exchanges(made)[1].way, made.experiment.targets
    assert way.true == pytest.approx(targets[-10:, :, 1].numpy())
    assert way.said == pytest.approx(made.whole.outputs[-10:, 1].numpy())
    assert way.seen == pytest.approx(made.experiment.inputs[:5, 1, :2].numpy())
    caption = probe(RunConfig(task="captioning", network="one_to_many", seq_len=2, **SMALL))
    picture, inputs = exchanges(caption)[2].picture, caption.experiment.inputs
    for place in range(9):
        row, column = divmod(place, 3)
        tile = picture[10 * row : 10 * row + 10, 10 * column : 10 * column + 10]
        assert tile == pytest.approx(inputs[place, 2].view(3, 10, 10).permute(1, 2, 0).numpy())
    assert "<img class='shown' src='data:image/png;base64," in answers_html(exchanges(caption))


def test_a_decoder_reads_its_own_words():
    made = probe(RunConfig(task="reversal", network="encoder_decoder", seq_len=5, **SMALL))
    e = made.experiment
    outputs = e.model.own_words(e.inputs, 5, e.task.next_word)
    said = [[answer.said for answer in exchange.answers] for exchange in exchanges(made)]
    assert said == [["ABCDEFGH"[k] for k in column] for column in outputs.argmax(-1).T.tolist()]
    assert exchanges(made)[0].given == tuple(e.task.symbols(e.inputs[:5, 0]))


def test_a_cold_network_writes_the_likeliest_character_after_all_that_it_has_written():
    made = probe(RunConfig(task="next_character", cell="gru", num_layers=2, seq_len=6, **SMALL))
    task, model = made.experiment.task, made.experiment.model
    codes = [int(made.experiment.inputs[0, 0].argmax())]
    for _ in range(15):
        with torch.no_grad():
            codes.append(int(model(torch.eye(task.input_size)[codes].unsqueeze(1))[-1, 0].argmax()))
    assert write_text(made, 1e-6, length=15) == "".join(task.text.vocabulary[code] for code in codes[1:])


def test_temperature_spreads_the_draws_as_softmax_says():
    made = probe(RunConfig(task="next_character", seq_len=6, **SMALL))
    task, model, inputs = made.experiment.task, made.experiment.model, made.experiment.inputs
    p = torch.softmax(model(inputs[:1, :1])[0, 0].detach().double() / 0.5, -1)
    first = [write_text(made, 0.5, seed, length=1) for seed in range(400)]
    drawn = torch.tensor([first.count(character) / 400 for character in task.text.vocabulary], dtype=torch.float64)
    assert float((drawn - p).abs().max()) < 0.1  # four standard deviations of a share of 400


def test_a_network_that_has_diverged_writes_nothing_and_says_its_class():
    made = probe(RunConfig(task="next_character", seq_len=6, **SMALL))
    with torch.no_grad():
        for weight in made.experiment.model.parameters():
            weight.fill_(torch.nan)
    assert write_text(made, 1.0) == ""
    assert len(exchanges(made)) == 3


def test_who_reads_what_is_to_come_writes_nothing():
    assert not can_write(probe(RunConfig(task="next_character", bidirectional=True, seq_len=6, **SMALL)))
    with pytest.raises(ValueError, match="write"):
        write_text(probe(RunConfig(task="adding", seq_len=6, **SMALL)), 1.0)
