"""While the hand drags through recorded steps, the browser has the titles that the server would write."""

import pytest

from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.step_profiles import profile_at, profiles, step_picture
from experiments.runs.train import Recorder, train

SMALL = {"task": "parity", "seq_len": 9, "hidden_size": 5, "batch_size": 4, "steps": 6, "record_every": 1}


@pytest.mark.parametrize(
    ("settings", "layer"),
    [({}, None), ({"learning_rate": 1e4, "clip_threshold": None}, None),
     ({"bidirectional": True}, 0), ({"bidirectional": True}, 1),
     ({"seq_len_schedule": "ranged", "seq_len_min": 2, "cell": "lstm"}, None)],
)  # fmt: skip
def test_each_steps_title_is_that_of_its_picture(tmp_path, settings, layer):
    config = RunConfig.from_values({**SMALL, "cell": "elman", **settings})
    train([Recorder.start(config, tmp_path / config.identity())])
    run = open_run(tmp_path / config.identity())
    found = profiles(run, layer)
    assert len(found.titles) == len(found.step) == 6
    for row, title in enumerate(found.titles):
        picture = step_picture(run, profile_at(run, row, layer), found.amongs[row])
        assert picture.figure.layout.title.text == title
        assert picture.figure.layout.yaxis.range == pytest.approx(found.ranges[row])
    assert len(set(found.titles)) > 1
