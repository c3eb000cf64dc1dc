"""Commands as a person types them."""

from typer.testing import CliRunner

from experiments.__main__ import app

WORDS = ["seq_len=8", "hidden_size=6", "batch_size=5", "steps=30", "evaluate_every=10", "evaluate_size=20", "cell=gru"]


def call(*words: str) -> str:
    """What the command prints; a refusal is raised."""
    result = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def trained(*words: str) -> str:
    return call("run", *WORDS, *words, "--quiet")
