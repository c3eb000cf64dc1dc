"""The notebook that ships runs from its first cell to its last, and what its cells end in shows itself."""

import ast
import json
from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "watch.ipynb"


def run_cell(source: str, names: dict[str, object]) -> object:
    """The value of the last line where it is an expression, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


def test_the_notebook_runs():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 5
    names: dict[str, object] = {}
    values = [run_cell(cell["source"], names) for cell in cells]
    trace, trends, report = values[2:]
    assert trace._repr_html_().startswith("<")
    assert set(trends) == {"layer 1", "layer 2"}
    assert "encoder" in report._repr_html_()
