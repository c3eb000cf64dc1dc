"""The Python examples of README.md run one after the other, as a reader would type them."""

import re
from pathlib import Path

import torch

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, object] = {}
    of_a_run = [block for block in BLOCKS if "RUN" in block]
    assert len(of_a_run) == 1, "the others need no run"
    for block in (*(block for block in BLOCKS if block not in of_a_run), *of_a_run):
        exec(compile(block.replace("RUN", "mine"), str(README), "exec"), names)
    assert (tmp_path / "runs" / "mine" / "progress.json").is_file()
    assert "the module itself: LSTM, 64 units, 200 timesteps" in capsys.readouterr().out
