"""Explore's remedies: each button removes its finding with the page's own settings, and says what it sets for whom."""

import pytest

from dashboard.explore.advice import advise, describe_changes, find_problems, with_remedy
from dashboard.explore.settings import Settings

SMALL = {"seq_len": 60.0, "hidden_size": 12, "batch_size": 4}


@pytest.mark.parametrize(
    "changed",
    [
        {"cells": ["elman"], "input_scale": 10.0},
        {"cells": ["elman"], "truncate": 10.0, "initialisation": "orthogonal", "nonlinearity": "identity"},
        {"cells": ["elman"], "nonlinearity": "identity", "largest_singular_value": 3.0, "spectrum_shape": "equal"},
        {"cells": ["lstm"], "forget_bias": -5.0, "spectrum_blocks": ["i"]},
        {"cells": ["gru"], "bidirectional": True, "clip_threshold": 1e3},
        {"cells": ["lstm", "gru"], "loss_position": "every", "input_scale": 0.0, "singular_values": "3,1,0"},
    ],
    ids=lambda changed: ",".join(map(str, changed)),
)
def test_each_button_removes_its_finding_or_is_not_there(changed):
    settings = Settings.of(SMALL | changed)
    for cell in settings.cells:
        for finding in advise(settings, cell):
            if not finding.settings:
                assert finding.remedy.startswith("No setting")
                continue
            after = with_remedy(settings, finding.settings)
            assert after != settings, "a button without effect"
            assert (finding.kind, finding.title) not in {(f.kind, f.title) for f in find_problems(after, cell)}
            said = describe_changes(settings, finding.settings)
            assert "→" in said
            assert said.endswith("(for all cells)") == (len(settings.cells) > 1)
