"""Imports run only upwards: models ← analysis ← experiments ← dashboard; Streamlit only in the dashboard."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "models": set(),
    "analysis": {"models"},
    "experiments": {"models", "analysis"},
    "dashboard": {"models", "analysis", "experiments"},
    "gradient_flow_lab": {"models", "analysis", "experiments"},
}
FILES = [path for folder in ALLOWED for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Full names of every module that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(ROOT)) for p in FILES])
def test_imports_run_only_upwards(path):
    folder = path.relative_to(ROOT).parts[0]
    tops = {name.partition(".")[0] for name in imported(path)}
    assert not (tops & set(ALLOWED)) - ALLOWED[folder] - {folder}
    if folder != "dashboard":
        assert "streamlit" not in tops
    if path.is_relative_to(ROOT / "analysis" / "figures"):
        assert "torch" not in tops
    if folder in ("models", "experiments") or path.parent == ROOT / "analysis":
        assert "plotly" not in tops, "only figures draw"


def module_of(path: Path) -> str:
    """`experiments.runs.store.reader` for its file, `experiments.runs` for an `__init__`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def reached(module: str) -> set[str]:
    """Every module of ours that importing this one imports, itself among them."""
    found, left = set(), [module]
    while left:
        name = left.pop()
        if name in MODULES and name not in found:
            found.add(name)
            left += [*imported(MODULES[name]), name.rpartition(".")[0]]
    return found


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("experiments.runs.store.")])
def test_a_run_folder_is_opened_without_a_configuration(module):
    assert "experiments.config.run_config" not in reached(module)


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("experiments.training.")])
def test_training_knows_no_files(module):
    assert not [name for name in reached(module) if name.startswith("experiments.runs")]


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith(("analysis.simulations.", "experiments.probing."))]
)
def test_what_computes_takes_no_numbers_from_the_look_of_figures(module):
    assert "analysis.figures.theme" not in imported(MODULES[module])


def test_what_is_reached_is_followed_through_other_modules():
    assert "models.cells.registry" in reached("experiments.runs.opening")
    assert "experiments.config.run_config" in reached("experiments.runs.opening")


def hidden_names(source: str) -> list[str]:
    """Names of the module that a comprehension binds, in a function that takes them from the module elsewhere.

    Python 3.12 cannot tell them apart within one expression: it says that the second has no value yet.
    """
    tree, found = ast.parse(source), []
    of_module = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    of_module |= {
        (a.asname or a.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names
    }
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        free = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in of_module]
        bound = set[str]()
        for inside in (n for n in ast.walk(function) if isinstance(n, ast.ListComp | ast.SetComp | ast.DictComp)):
            own = [node for node in ast.walk(inside) if node in free]
            names = {node.id for node in own if isinstance(node.ctx, ast.Store)}
            free = [node for node in free if node not in own or node.id not in names]
            bound |= names
        found += sorted(bound & {node.id for node in free})
    return found


def test_no_comprehension_hides_a_function_that_another_calls():
    hiding = "def gate(v): ...\ndef all(d):\n    found = {n: gate for n, gate in d}\n    return [gate(v) for v in d]"
    assert hidden_names(hiding) == ["gate"]
    files = [*FILES, *(ROOT / "tests").rglob("*.py")]
    assert {file: names for file in files if (names := hidden_names(file.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize("file", sorted(ROOT.glob("dashboard/*/page.py")), ids=lambda file: file.parent.name)
def test_a_page_is_read_in_one_go(file):
    assert len(file.read_text().splitlines()) <= 80


def test_no_file_is_long():
    files = [*FILES, *(ROOT / "tests").rglob("*.py")]
    assert [file for file in files if len(file.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_the_page_entry_holds_nothing_but_navigation():
    assert len((ROOT / "app.py").read_text().splitlines()) < 30
