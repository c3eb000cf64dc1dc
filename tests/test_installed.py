"""The built wheel, unpacked beside a project that has packages `models`, `analysis`, `experiments` and `dashboard`."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("models", "analysis", "experiments", "dashboard", "gradient_flow_lab", ".streamlit")
FILES = ("app.py", "setup.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
COMMAND = ("-c", "from gradient_flow_lab.command import main; main()")
PROJECT = """
import analysis, dashboard, experiments, models
import torch
import gradient_flow_lab as gfl

assert all(theirs.__file__.startswith(sys.path[0]) for theirs in (analysis, dashboard, experiments, models))
model = gfl.SequenceModel("lstm", input_size=2, hidden_size=4, output_size=1)
trace = gfl.record(model, torch.ones(6, 3, 2), lambda outputs: outputs[-1].sum(), path="reference")
assert gfl.profile(trace.top).median.shape == (6,)
gru = torch.nn.GRU(2, 3)
with gfl.watch(gru, run="runs/mine", title="theirs") as seen:
    loss = gru(torch.ones(6, 3, 2))[0].sum()
    loss.backward()
    seen.log(loss=loss)
assert "GRU, 3 units" in str(seen.report())
assert gfl.probe(gfl.RunConfig(cell="gru", seq_len=5, hidden_size=3), path="reference").profile.median.shape == (5,)
picture = gfl.figures.profile.profile_picture({"lstm": gfl.profile(trace.top)}, {}, "float32")
assert picture.json_columns()
from gradient_flow_lab.dashboard.server.labs import labs
labs()
assert not [name for name in sys.modules if name.partition(".")[0] in ("models", "analysis") and "." in name]
print("apart")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with nothing but the unpacked wheel; what still compiles for it at the end is stopped."""
    there = tmp_path_factory.mktemp("installed")
    source = there / "source"  # a build leaves folders beside what it builds
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, source / file)
    command = [sys.executable, "-c", BUILD, str(there)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(there / built.stdout.splitlines()[-1]) as wheel:
        wheel.extractall(there / "site")
    yield there / "site"
    for folder in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if folder.readlink().is_relative_to(there):
                os.kill(int(folder.parent.name), signal.SIGKILL)


def run(installed: Path, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_works_beside_packages_of_the_same_names(installed, tmp_path):
    for name in ("models", "analysis", "experiments", "dashboard"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("THEIRS = True\n")
    result = run(installed, tmp_path, "-c", "import sys" + PROJECT)
    assert result.stdout == "apart\n", result.stderr
    assert "1 run in runs" in run(installed, tmp_path, *COMMAND, "list").stdout
    assert "run mine at step 1: theirs, T = 6" in run(installed, tmp_path, *COMMAND, "probe", "mine").stdout


def test_the_command_runs_and_names_itself(installed, tmp_path):
    result = run(installed, tmp_path, *COMMAND, "list")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "0 runs in runs\n"
    texts = [file.read_text(encoding="utf-8") for file in installed.rglob("*.py")]
    assert not [text for text in texts if "python -m experiments" in text]


def test_the_page_has_its_look_and_its_parts(installed):
    package = installed / "gradient_flow_lab"
    assert {file.name for file in package.glob("*.*")} >= {"app.py", "streamlit.toml", "command.py"}
    theirs = {file.name for file in (ROOT / "dashboard").rglob("*.*") if file.suffix in (".js", ".css", ".svg")}
    assert {file.name for file in (package / "dashboard").rglob("*.*")} >= theirs
